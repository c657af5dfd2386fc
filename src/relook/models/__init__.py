"""The networks: backbones, pyramids, proposals, cascades, heads, and the detector of them."""
