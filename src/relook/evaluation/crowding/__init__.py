"""Metrics by the overlap of objects with their neighbours."""
