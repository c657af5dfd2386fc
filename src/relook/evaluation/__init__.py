"""How good are the detections: COCO metrics for boxes and masks."""
