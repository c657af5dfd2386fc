"""COCO panoptic files: json tables, PNG maps, label tables, reading and writing."""
