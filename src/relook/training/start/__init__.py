"""Starting weights of a training: random numbers, a backbone, another model."""
