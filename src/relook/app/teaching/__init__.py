"""Learning from corrections: a training in a process of its own, watched from the page."""
