"""Metrics by how much objects overlap their neighbours."""
