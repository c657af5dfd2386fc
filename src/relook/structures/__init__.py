"""Values that parts exchange: image batches, targets, detections, panoptic maps."""
