"""Inspection of a model while it processes an image."""
