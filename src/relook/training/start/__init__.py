"""Where the weights of a training come from: nothing, a backbone, another model."""
