"""Label images: a TIFF whose values are the numbers of the objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..results import Result
from .shapes import object_windows
from .table import PixelSize

_LARGEST: Final = np.iinfo(np.uint16).max
_CM: Final = 1e4  # micrometres


def label_image(result: Result) -> tuple[NDArray[np.uint16] | NDArray[np.uint32], int]:
    """Number of the object at every pixel (H, W), and the pixels that more than one object has.

    Numbers are rows of the result from 1; 0 is no object. Where objects overlap, the one with
    the higher score is seen. 16 bits, or 32 for more than 65,535 objects.
    """
    kind = np.uint16 if len(result) <= _LARGEST else np.uint32
    labels = np.zeros(result.size, kind)
    overlapped = np.zeros(result.size, bool)
    for number, (window, left, top) in enumerate(object_windows(result), start=1):
        place = np.s_[top : top + window.shape[0], left : left + window.shape[1]]
        free = labels[place] == 0
        overlapped[place] |= window & ~free
        labels[place][window & free] = number
    return labels, int(overlapped.sum())


def write_labels(path: Path, result: Result, pixel_size: PixelSize | None = None) -> int:
    """Write the label image as an OME-TIFF; return the pixels that more than one object has.

    `pixel_size` (y, x) in micrometres goes into the OME metadata and the TIFF's resolution.
    """
    labels, overlapped = label_image(result)
    metadata: dict[str, Any] = {"axes": "YX"}
    options: dict[str, Any] = {}
    if pixel_size is not None:
        height, width = pixel_size
        metadata |= {"PhysicalSizeY": height, "PhysicalSizeYUnit": "µm"}
        metadata |= {"PhysicalSizeX": width, "PhysicalSizeXUnit": "µm"}
        options = {"resolution": (_CM / width, _CM / height), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        path,
        labels,
        ome=True,
        metadata=metadata,
        compression="zlib",
        photometric="minisblack",
        bigtiff=labels.nbytes > 2**31,
        **options,
    )
    return overlapped
