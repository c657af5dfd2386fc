"""Configuration files of MMDetection: read by their syntax, and what of them relook can take."""
