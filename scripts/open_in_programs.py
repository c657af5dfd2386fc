"""Open what `relook predict --save` writes in the programs it is for, and compare what they see.

ImageJ measures every region of interest and the label image under it, QGIS adds up the areas of
GeoJSON and GeoPackage, LabelMe, the SDK of Label Studio and Datumaro (CVAT's library of data sets)
read their files. ImageJ, Xvfb and QGIS come from the system (Debian: ``imagej xvfb python3-qgis``);
`make programs` installs the others into an environment of their own. A program that is not there is
named and left out.

    python scripts/open_in_programs.py --tools .venv-programs/bin/python
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
IMAGE = ROOT / "datasets" / "nuclei" / "images" / "003cee89357d9fe13516.jpg"
PIXEL = 0.25  # micrometres
IMAGEJ = Path("/usr/share/java/ij.jar")
SYSTEM_PYTHON = Path("/usr/bin/python3")

MACRO = """
args = split(getArgument(), ",");
open(args[0]);
roiManager("Open", args[1]);
getPixelSize(unit, width, height);
text = unit + "," + width + "\\n";
for (i = 0; i < roiManager("count"); i++) {
  roiManager("select", i);
  getStatistics(area, mean, min, max);
  text = text + area + "," + min + "," + max + "\\n";
}
File.saveString(text, args[2]);
run("Quit");
"""

QGIS = """
import sys
from qgis.core import QgsApplication, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
for path in sys.argv[1:]:
    layer = QgsVectorLayer(path, "objects", "ogr")
    shapes = [feature.geometry() for feature in layer.getFeatures()]
    print(len(shapes), sum(s.area() for s in shapes), all(s.isGeosValid() for s in shapes))
"""

LABELME = """
import sys
from labelme._label_file import read_label_file
read = read_label_file(filename=sys.argv[1])
print(len(read.shapes), read.image_data is not None)
"""

LABEL_STUDIO = """
import json, sys
from label_studio_sdk.label_interface import LabelInterface
interface = LabelInterface(open(sys.argv[1]).read())
(task,) = json.load(open(sys.argv[2]))
errors = [interface.validate_prediction(p, return_errors=True) for p in task["predictions"]]
print(interface.validate_task({"data": task["data"]}), errors)
"""

DATUMARO = """
import sys
import datumaro
(item,) = datumaro.Dataset.import_from(sys.argv[1], "cvat")
print(len(item.annotations), sum(a.get_area() for a in item.annotations))
"""


class Missing(Exception):
    """A program that is not installed."""


class Saved:
    """The files of one image, and the areas (N,) in pixels that its table has."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder, self.tools, self.name = folder, tools, IMAGE.stem
        with (folder / "objects.csv").open(encoding="utf-8") as file:
            self.areas = np.array([float(row["area"]) for row in csv.DictReader(file)])

    def printed(self, python: Path, code: str, *arguments: Path, needs: str) -> list[str]:
        """Words that `code` prints under `python`; `Missing` where that cannot import `needs`."""
        if (
            not python.exists()
            or subprocess.run(
                [python, "-c", f"import {needs}"], capture_output=True, check=False
            ).returncode
        ):
            raise Missing
        command = ["env", "QT_QPA_PLATFORM=offscreen", python, "-c", code, *arguments]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(f"{needs} refuses {arguments[-1].name}:\n{run.stderr[-2000:]}")
        return run.stdout.split()


def imagej(saved: Saved) -> str:
    """Area of every region, and the one number of the label image that lies under it."""
    if not IMAGEJ.exists() or shutil.which("xvfb-run") is None:
        raise Missing
    macro, out = saved.folder / "measure.ijm", saved.folder / "imagej.csv"
    macro.write_text(MACRO, encoding="utf-8")
    labels, rois = (saved.folder / f"{kind}/{saved.name}.{end}" for kind, end in _IMAGEJ_FILES)
    files = f"{labels},{rois},{out}"
    command = ["xvfb-run", "-a", "java", "-jar", IMAGEJ, "-macro", macro, files]
    subprocess.run(command, capture_output=True, timeout=180, check=False)
    (unit, side), *rows = (line.split(",") for line in out.read_text("utf-8").splitlines())
    area, low, high = np.array(rows, float).T
    numbers = np.arange(1, len(saved.areas) + 1)
    expect(unit == "µm" and float(side) == PIXEL, "size of a pixel")
    expect(np.allclose(area, saved.areas * PIXEL**2), "areas of the regions")
    expect((low == numbers).all() and (high == numbers).all(), "labels under the regions")
    return f"{len(rows)} regions with the areas of objects.csv, each over its own label"


_IMAGEJ_FILES = (("labels", "tif"), ("rois", "zip"))


def qgis(saved: Saved) -> str:
    """Areas of the polygons of both kinds of files."""
    files = [saved.folder / f"{kind}/{saved.name}.{kind}" for kind in ("geojson", "gpkg")]
    words = saved.printed(SYSTEM_PYTHON, QGIS, *files, needs="qgis.core")
    expected = [str(len(saved.areas)), str(saved.areas.sum()), "True"]
    expect(words == expected * 2, f"polygons: {words}")
    return f"{len(saved.areas)} valid polygons in both files, area {saved.areas.sum():.0f}"


def labelme(saved: Saved) -> str:
    """Shapes, and the image that the json names."""
    path = saved.folder / "labelme" / f"{saved.name}.json"
    words = saved.printed(saved.tools, LABELME, path, needs="labelme")
    parts = json.loads(path.read_text("utf-8"))["shapes"]
    expect(words == [str(len(parts)), "True"], f"shapes: {words}")
    return f"{len(parts)} shapes and the image they belong to"


def label_studio(saved: Saved) -> str:
    """Tasks against the labelling configuration."""
    files = [saved.folder / f"label-studio.{end}" for end in ("xml", "json")]
    words = saved.printed(saved.tools, LABEL_STUDIO, *files, needs="label_studio_sdk")
    expect(words == ["True", "[[]]"], f"task: {words}")
    return "task and prediction fit the labelling configuration"


def datumaro(saved: Saved) -> str:
    """Masks of the XML of CVAT, beside their image."""
    folder = saved.folder / "cvat"
    (folder / "images").mkdir(parents=True)
    shutil.copy(saved.folder / "cvat.xml", folder / "train.xml")
    shutil.copy(IMAGE, folder / "images")
    words = saved.printed(saved.tools, DATUMARO, folder, needs="datumaro")
    expect([float(word) for word in words] == [len(saved.areas), saved.areas.sum()], f"{words}")
    return f"{len(saved.areas)} masks, area {saved.areas.sum():.0f}"


PROGRAMS: dict[str, Callable[[Saved], str]] = {
    "ImageJ": imagej,
    "QGIS": qgis,
    "LabelMe": labelme,
    "Label Studio SDK": label_studio,
    "Datumaro": datumaro,
}


def expect(holds: bool, subject: str) -> None:
    """End with `subject` unless it holds."""
    if not holds:
        raise SystemExit(f"not what was saved: {subject}")


def main() -> None:
    """Predict one image, save it as every kind, and open the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=Path, default=Path(sys.executable), metavar="PYTHON")
    tools = parser.parse_args().tools.absolute()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        kinds = "csv,rois,labels,geojson,gpkg,labelme,label-studio,cvat"
        command = [sys.executable, "-m", "relook", "predict", IMAGE, "--model", "nuclei"]
        command += ["--save", kinds, "--pixel-size", f"{PIXEL}um", "--out", out]
        subprocess.run(command, check=True)
        saved = Saved(out, tools)
        for name, opened in PROGRAMS.items():
            try:
                print(f"{name}: {opened(saved)}")
            except Missing:
                print(f"{name}: not installed, not tried")


if __name__ == "__main__":
    main()
