"""From images to results: options, preprocessing, the engine, views, panoptic maps."""
