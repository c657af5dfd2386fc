"""Configuration files of MMDetection: reading by their syntax, and conversion to relook's."""
