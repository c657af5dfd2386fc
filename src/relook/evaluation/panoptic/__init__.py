"""Panoptic quality of maps, from a model or from files."""
