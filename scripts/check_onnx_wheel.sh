#!/bin/sh
# Build relook-onnx, install it into a new virtual environment without PyTorch, and use it from an
# empty folder outside of this repository. Usage: scripts/check_onnx_wheel.sh VENV
#
#     VENV                         the environment of relook, which exports the models that are in it
#     PYTHON=python3.12            the interpreter of the new environment [default: python3]
#     WHEEL_CHECK_KEEP=1           leave the folder with all that was made, and say where it is
#
# The wheel stays in dist/, the exported models in build/ for the next time. They take minutes.
set -eu

python=${PYTHON:-python3}
root=$(cd "$(dirname "$0")/.." && pwd)
relook=$(cd "$root" && cd "${1:-.venv}/bin" && pwd)
place=$(mktemp -d "${TMPDIR:-/tmp}/relook-onnx-XXXXXX")
[ -n "${WHEEL_CHECK_KEEP:-}" ] || trap 'rm -rf "$place"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1

cd "$root"
PYTHONPATH=$root/src "$relook/python" scripts/onnx_wheel.py build/relook-onnx --wheel dist
wheel=$(ls -t dist/relook_onnx-*.whl | head -n 1)
wheel=$root/$wheel
echo "$wheel: $(wc -c <"$wheel") bytes"
unset PYTHONPATH
"$python" -m venv "$place/env"
new=$place/env/bin
"$new/python" -m pip install --quiet "$wheel"
"$new/python" -m pip uninstall --quiet --yes pip setuptools wheel 2>"$place/log" || cat "$place/log"
echo "environment: $(du -sh "$place/env" | cut -f1)"

mkdir "$place/empty"
cd "$place/empty"
"$new/python" - "$root/datasets/nuclei" <<'END'
"""PyTorch is not there; the shipped model finds about as many nuclei as there are."""
import importlib.util
import json
import shutil
import sys
import time
from pathlib import Path

for name in ("torch", "torchvision", "lightning", "onnx"):
    assert importlib.util.find_spec(name) is None, f"{name} is installed"
data = Path(sys.argv[1])
content = json.loads((data / "annotations" / "instances_val.json").read_text())
first = content["images"][0]
shutil.copy(data / "images" / first["file_name"], "cells.jpg")
there = sum(one["image_id"] == first["id"] for one in content["annotations"])
began = time.perf_counter()
import relook

imported = time.perf_counter()
predictor = relook.load("nuclei")
loaded = time.perf_counter()
result = predictor.predict("cells.jpg")
done = time.perf_counter()
assert 0.5 * there <= len(result) <= 1.5 * there, f"{len(result)} nuclei found, {there} are there"
print(f"found {len(result)} nuclei where {there} were annotated")
print(
    f"import relook {imported - began:.2f} s, relook.load {loaded - imported:.2f} s, "
    f"first prediction {done - loaded:.2f} s"
)
for ending in ("csv", "tif", "zip", "geojson", "txt", "xml", "jpg"):
    result.save(f"saved.{ending}")
    assert Path(f"saved.{ending}").stat().st_size
END
"$new/relook" predict cells.jpg --model nuclei --save overlay,coco,masks
[ -s predictions/overlay/cells.jpg ] && [ -s predictions/predictions.json ] || {
    echo "FAILED: relook predict wrote no results" >&2
    exit 1
}
"$new/relook" predict cells.jpg --model "$root/src/relook/weights/shipped/nuclei.safetensors" 2>"$place/log" && {
    echo "FAILED: a file that needs PyTorch was taken" >&2
    exit 1
}
grep -q "relook-onnx is installed" "$place/log" || {
    cat "$place/log" >&2
    exit 1
}
"$new/python" -m relook --version
echo "relook-onnx predicts without PyTorch"
