"""Looking inside a model while it looks at an image."""
