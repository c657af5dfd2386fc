"""Draw docs/images/microscopy.jpg: ``python scripts/microscopy_picture.py``.

A validation image of nuclei as a camera of 12 bits would store it, in 16 bits with an offset: its
upper 8 bits, which is what readers of photographs keep, and the same file as relook reads it, with
what the model `nuclei` finds in each. The counts are printed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import tifffile

import relook
from relook.data.coco.reader import read_coco
from relook.data.images import read_image
from relook.visualization.sheet import Row, contact_sheet

ROOT = Path(__file__).resolve().parents[1]
NUCLEI = ROOT / "datasets" / "nuclei"


def main() -> None:
    """Write the picture and print how many nuclei were found in each."""
    index = read_coco(NUCLEI / "annotations" / "instances_val.json", NUCLEI / "images")
    record = max(index.images, key=lambda image: len(image.objects) * (len(image.objects) < 60))
    grey = read_image(record.path)[:, :, 0].astype(np.float64)
    stored = np.rint(500 + grey / 255 * 900).astype(np.uint16)
    model = relook.load("nuclei")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nuclei.tif"
        tifffile.imwrite(path, stored)
        mapped = model.predict(path)
        upper = model.predict((stored >> 8).astype(np.uint8))
    rows = [
        Row((upper.draw(),), f"upper 8 bits: {len(upper)} found"),
        Row((mapped.draw(),), f"percentiles 1 and 99.8: {len(mapped)} found"),
    ]
    sheet = contact_sheet(rows, cell=520, rows_per_line=2)
    sheet.convert("RGB").save(ROOT / "docs" / "images" / "microscopy.jpg", quality=88)
    print(f"{record.file_name}: {len(record.objects)} annotated, values {stored.min()} to")
    print(f"{stored.max()}; upper 8 bits {len(upper)} found, by percentiles {len(mapped)}")
    print(f"read as: {None if mapped.info is None else mapped.info.used}")


if __name__ == "__main__":
    main()
