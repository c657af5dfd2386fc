"""Cellpose: ``NAME_seg.npy`` as its window saves, or ``NAME_cp_masks`` and ``NAME_masks`` images.

Values number the objects. Where an image has both files, ``_seg.npy`` counts, because corrections
by hand are saved there. Its pickle is interpreted, never run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from .label_images import excess_parts, note_parts
from .label_values import Values, label_values, numbered_pixels
from .pickled_arrays import read_pickled_npy
from .recognition import is_label_file, mask_stem
from .records import AnnotatedImage, AnnotatedObject
from .safe_files import read_bytes
from .source import Source, refusal

_TOOL: Final = "Cellpose"
_SEG: Final = "_seg"
_BESIDE: Final = ("_flows", "_cp_flows", "_cp_outlines", "_probs")  # of images that it writes too


def read_cellpose(source: Source) -> Iterator[AnnotatedImage]:
    """Images of the label files in a folder, or of one file.

    Raises:
        DataError: D01 for a missing image, D02 for what is no label image, D03 for a pickle that is
            none of Cellpose, D10 for labels of another size than their image.
    """
    source.finder.leave_out(lambda path: mask_stem(path) is not None or path.stem.endswith(_BESIDE))
    found: dict[str, Path] = {}
    for path in source.files("*"):
        stem = _stem_of(path)
        if stem is None or not is_label_file(path):
            continue
        key = str(path.parent / stem)
        if key in found:
            source.account.note("images with a _seg.npy and a file of masks are read by _seg.npy")
        if key not in found or path.name.endswith(f"{_SEG}.npy"):
            found[key] = path
    if not found:
        raise refusal(source.path, _TOOL, "there is no _seg.npy and no file of masks")
    name = source.one_class()
    excess = 0
    for key, path in found.items():
        image = source.finder.of_stem(Path(key).name, path.parent, path.name)
        values = _seg_values(path) if path.name.endswith(f"{_SEG}.npy") else label_values(path)
        size = source.finder.size(image, path.name, (values.shape[0], values.shape[1]))
        excess += excess_parts(values, len(np.unique(values[values > 0])))
        objects = tuple(
            AnnotatedObject(name=name, shapes=(shape,), where=f"{path.name}: object {number}")
            for number, shape in numbered_pixels(values)
        )
        yield AnnotatedImage(path=image, size=size, objects=objects)
    note_parts(source, excess, "say --from label-images --objects components")


def _stem_of(path: Path) -> str | None:
    if path.name.endswith(f"{_SEG}.npy"):
        return path.name.removesuffix(f"{_SEG}.npy")
    return mask_stem(path)


def _seg_values(path: Path) -> Values:
    record = read_pickled_npy(read_bytes(path), path.name)
    masks = record.get("masks") if isinstance(record, dict) else None
    if not isinstance(masks, np.ndarray) or masks.ndim != 2 or masks.dtype.kind not in "ui":
        raise refusal(path, _TOOL, 'it has no "masks" (height, width) of whole numbers')
    if not masks.size or int(masks.min()) < 0:
        raise refusal(path, _TOOL, 'its "masks" are empty, or have numbers below 0')
    return np.asarray(masks, np.int64)
