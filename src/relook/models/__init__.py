"""The networks: backbones, pyramids, proposals, cascades, heads, and how they become a detector."""
