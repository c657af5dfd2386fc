"""Evaluation of detections: COCO metrics for boxes and masks."""
