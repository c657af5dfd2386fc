"""Networks that predict from features. Targets are arguments of loss functions, not of heads."""
