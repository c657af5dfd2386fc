"""Make docs/images/napari.png: the dock widget of napari after a run, without a screen.

Run it with the environment of `make napari`:

    QT_QPA_PLATFORM=offscreen .venv-napari/bin/python scripts/napari_picture.py
"""

from __future__ import annotations

import time
from pathlib import Path

from magicgui.application import use_app
from napari.components import ViewerModel
from napari.qt import get_qapp, get_stylesheet
from PIL import Image

from relook.data.images import read_image
from relook.napari.widget import FindObjects

ROOT = Path(__file__).resolve().parents[1]
IMAGE = sorted((ROOT / "datasets" / "nuclei" / "images").rglob("*.jpg"))[3]
PICTURE = ROOT / "docs" / "images" / "napari.png"


def main() -> None:
    """Find the nuclei of an image, and write the picture of the widget."""
    app = get_qapp()
    use_app("qt")
    viewer = ViewerModel()
    widget = FindObjects(viewer)
    widget.native.setStyleSheet(get_stylesheet("dark"))
    widget.show()
    widget.native.resize(400, 660)
    viewer.add_image(read_image(IMAGE), name="nuclei", rgb=True)
    widget.fields.run.changed.emit(True)
    while not widget.fields.run.enabled:
        app.processEvents()
        time.sleep(0.05)
    app.processEvents()
    widget.native.grab().save(str(PICTURE))
    with Image.open(PICTURE) as picture:
        picture.convert("RGB").quantize(64).save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
