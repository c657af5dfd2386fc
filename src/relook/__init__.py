"""relook: detection and instance segmentation with the cascade family that looks twice."""

__version__ = "0.1.0"
