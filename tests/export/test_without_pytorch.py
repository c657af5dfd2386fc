"""The modules of relook-onnx predict from an ONNX file where PyTorch is not installed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from PIL import Image

from relook.api import load

from .conftest import Small, noise

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
GUARDED = {
    "relook.data.batching": "views of an image",
    "relook.export.writing": "export_onnx",
    "relook.inference.engine": "a detector",
    "relook.inference.panoptic": "panoptic maps",
    "relook.models.build": "build",
    "relook.ops.boxes": "views of an image",
    "relook.runtime.devices": "several processes",
    "relook.weights.stored_detector": "other model files",
    "relook.weights.file": "other model files",
}
"""Modules that need PyTorch, which modules of relook-onnx import in functions: only for this."""
CHILD = """
import json, sys
from importlib.machinery import PathFinder

class Blocked(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Blocked)
model, image, folder, source, *hostile = sys.argv[2:]

import relook
import relook.export.session
from relook.errors import RelookError
from pathlib import Path
from relook.errors import UsageError

assert Path(relook.__file__).is_relative_to(source), relook.__file__
relook.export.session.available = lambda: 1 << 30
predictor = relook.load(model)
result = predictor.predict(image)
tiled = predictor.predict(image, tile=128)
result.draw().save(f"{folder}/drawn.png")
for ending in ("csv", "tif", "zip", "geojson", "txt", "xml", "jpg"):
    result.save(f"{folder}/saved.{ending}")
refused = []
for call in (
    lambda: relook.load(image),
    lambda: relook.load("htc-r50", weights="coco"),
    lambda: relook.build("htc-tiny"),
    lambda: relook.export_onnx(model),
    lambda: predictor.detector,
    lambda: predictor.predict(image, tta="flip"),
    lambda: predictor.predict(image, panoptic=True),
    lambda: predictor.predict(image, device="cuda"),
    lambda: relook.Detector,
):
    try:
        call()
    except (UsageError, AttributeError) as error:
        refused.append(getattr(error, "code", "no attribute"))
from relook.cli import onnx_app

KINDS = "csv,coco,masks,counts,labels,coco-polygons,labelme,label-studio,crops,yolo"
code = 0
try:
    onnx_app.app(["predict", image, "--model", model, "-o", f"{folder}/out", "--save", KINDS])
except SystemExit as end:
    code = end.code
bombs = []
for bomb in hostile:
    try:
        relook.load(bomb).predict(image)
    except RelookError as error:
        bombs.append(error.code)
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.is_file() else []
peak = max((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), default=0)
heavy = sorted(BLOCKED & {name.split(".")[0] for name in sys.modules})
print(json.dumps({
    "boxes": result.boxes.tolist(), "counts": [mask["counts"] for mask in result.masks],
    "tiled": len(tiled), "refused": refused, "code": code, "heavy": heavy, "bombs": bombs,
    "peak": peak,
}))
"""


def _script(name: str) -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(name, module)  # so that one finds the other
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


@pytest.fixture(scope="module")
def modules() -> ModuleType:
    return _script("onnx_modules")


@pytest.fixture(scope="module")
def wheel(modules: ModuleType) -> ModuleType:
    return _script("onnx_wheel")


def test_no_root_imports_pytorch(modules: ModuleType) -> None:
    for root in modules.ROOTS:
        assert not modules.reached(root) & modules.HEAVY, root


def test_what_needs_pytorch_is_imported_where_it_is_wanted_only(modules: ModuleType) -> None:
    """A module that falls out of relook-onnx is one that somebody made import PyTorch."""
    chosen = modules.chosen()
    reached = {
        other
        for name in chosen
        for other in modules.imports(name, inside=True)
        if other in modules.modules() and not other.startswith(modules.LEFT_OUT)
    }
    assert reached - chosen == GUARDED.keys()
    assert modules.required(chosen) & modules.HEAVY == set()
    assert modules.possible(chosen) & modules.HEAVY == {"torch"}


def test_its_project_says_what_it_needs(wheel: ModuleType) -> None:
    needed = {line.split(">")[0] for line in wheel.requirements()}
    assert {"numpy", "onnxruntime", "opencv-python-headless", "pillow", "tifffile"} <= needed
    assert len(needed) == 13
    assert 'name = "relook-onnx"' in wheel.pyproject()


def _bombs(small: Small, folder: Path) -> list[Path]:
    """Files whose graphs make a tensor of 16 GiB, of a size that is computed: when the graph is
    optimised, and when it runs."""
    paths = []
    for name, start in (("when_loaded", "many"), ("when_run", "size")):
        model = onnx.load_from_string(small.file.content)
        graph = model.graph
        for constant, values in (("many", [2**16, 2**16]), ("once", [1, 1])):
            graph.initializer.append(numpy_helper.from_array(np.array(values), constant))
        of_scores = next(node for node in graph.node if "scores" in node.output)
        of_scores.output[list(of_scores.output).index("scores")] = "few"
        graph.node.extend(
            [
                helper.make_node("Min", [start, "once"], ["ones"]),
                helper.make_node("Mul", ["ones", "many"], ["sides"]),
                helper.make_node("ConstantOfShape", ["sides"], ["large"]),
                helper.make_node("ReduceMax", ["large"], ["least"], keepdims=0),
                helper.make_node("Add", ["few", "least"], ["scores"]),
            ]
        )
        paths.append(folder / f"{name}.onnx")
        paths[-1].write_bytes(model.SerializeToString())
    return paths


def test_it_predicts_as_relook_does(
    small: Small, modules: ModuleType, wheel: ModuleType, tmp_path: Path
) -> None:
    wheel.write_code(tmp_path / "code")
    image = tmp_path / "image.png"
    pixels = np.repeat(np.repeat(noise(20, 24, 4), 8, axis=0), 8, axis=1)
    Image.fromarray(pixels).save(image)
    source = tmp_path / "code" / "src"
    command = [sys.executable, "-W", "error", "-c", CHILD, json.dumps(sorted(modules.HEAVY))]
    command += [str(small.path), str(image), str(tmp_path), str(source)]
    command += [str(path) for path in _bombs(small, tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    expected = load(small.path).predict(image)
    assert answer["boxes"] == expected.boxes.tolist() and len(expected) > 3
    assert expected.masks is not None
    assert answer["counts"] == [mask["counts"] for mask in expected.masks]
    assert answer["tiled"] > 0
    assert answer["refused"] == ["U04"] * 8 + ["no attribute"]
    assert (answer["code"], answer["heavy"]) == (0, [])
    assert answer["bombs"] == ["R04", "R04"]  # and not the end of the process
    assert answer["peak"] < 2**20  # KiB; the files would take 16 GiB
    assert (tmp_path / "out" / "predictions.json").is_file()
    assert (tmp_path / "drawn.png").is_file()
