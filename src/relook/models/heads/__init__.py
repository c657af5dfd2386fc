"""Networks that predict something from features. Heads never see targets; losses are functions."""
