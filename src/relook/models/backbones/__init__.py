"""Backbones: pixels to four maps of strides 4, 8, 16 and 32."""
