"""Intervals of metrics by resampling images and seeds."""
