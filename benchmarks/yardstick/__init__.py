"""The yardstick: torchvision's Mask R-CNN with a small backbone, fed and scored as relook is."""
