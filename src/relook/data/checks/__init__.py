"""What may be wrong with an annotation file and its images: one small function for each finding."""
