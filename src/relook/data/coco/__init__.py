"""COCO instance files: tables of json, objects, segmentations, stuff maps."""
