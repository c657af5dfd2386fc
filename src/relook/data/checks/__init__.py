"""Checks of an annotation file and its images: one small function for each finding."""
