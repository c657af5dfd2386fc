"""Augmentation: geometry, crops, appearance, copy-paste."""
