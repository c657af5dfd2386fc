"""Images and annotations as people have them, and the way from there to batches and targets."""
