"""Values that travel between the parts: image batches, targets, detections, panoptic maps."""
