"""Images as people and instruments have them, as pixels: see `open_image` and `read_image`."""

from ...structures.rules.reading import Reading
from .info import ImageInfo, ImageSource, Loadable, OpenedImage, Pixels
from .opening import image_size, open_image, read_image, stored_orientation, stored_size

__all__ = [
    "ImageInfo",
    "ImageSource",
    "Loadable",
    "OpenedImage",
    "Pixels",
    "Reading",
    "image_size",
    "open_image",
    "read_image",
    "stored_orientation",
    "stored_size",
]
