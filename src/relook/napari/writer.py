"""Write a labels layer as COCO annotations, from napari's own save dialog or a script."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from .annotations import LayerNotes, labelled_objects, save_coco

_LOG: Final = logging.getLogger("relook")


def write_coco(path: str, data: Any, attributes: Mapping[str, Any]) -> list[str]:
    """Write the labels `data` with the `attributes` of their layer; return the path.

    Of a layer that is a pyramid, the full resolution is written. A class is that of the row of
    the features; labels without one have the class that the widget has for new labels, or
    ``object`` in a layer that the widget did not make.

    Raises:
        UsageError: U03 for labels of a stack, U04 for a file that is there.
        RelookError: R02 when the file cannot be written.
    """
    notes = LayerNotes.of(attributes.get("metadata") or {})
    features = attributes.get("features")
    labels = np.asarray(data[0] if isinstance(data, list | tuple) else data)
    objects = labelled_objects(labels, {} if features is None else features, notes)
    save_coco(Path(path), objects, notes.file_name or str(attributes.get("name") or "image"))
    _LOG.info("%s: %s", path, objects.words(notes.new_class))
    return [path]
