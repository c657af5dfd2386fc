"""Published weights: their list, their cache and their download."""
