#!/bin/sh
# Build the wheel, install it into a new virtual environment, and use it from an empty folder
# outside of this repository: predict, train, evaluate, list. Usage: scripts/check_wheel.sh
#
#     PYTHON=python3.12            the interpreter of the new environment [default: python3]
#     CONSTRAINTS=constraints.txt  exact versions of its packages [default: whatever is newest]
#     WHEEL_CHECK_SITE=.venv       take the packages relook needs from this environment, of the
#                                  same Python, in place of installing them: quick, and offline
#     WHEEL_CHECK_KEEP=1           leave the folder with all that was made, and say where it is
set -eu

python=${PYTHON:-python3}
root=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d "${TMPDIR:-/tmp}/relook-wheel-XXXXXX")
[ -n "${WHEEL_CHECK_KEEP:-}" ] || trap 'rm -rf "$place"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH

step() { # TITLE COMMAND...: run it, and say how long it took
    title=$1
    shift
    began=$(date +%s)
    "$@" >"$place/log" 2>&1 || {
        cat "$place/log" >&2
        echo "FAILED: $title" >&2
        exit 1
    }
    echo "$title: $(($(date +%s) - began)) s"
}

expect() { # FILE...: each is there and not empty
    for file in "$@"; do
        [ -s "$file" ] || {
            echo "FAILED: $file was not written" >&2
            exit 1
        }
    done
}

echo "$("$python" --version), in $place"
step "environment" "$python" -m venv "$place/env"
new=$place/env/bin
# The sources are copied first, so that building leaves nothing in the repository.
mkdir "$place/source"
(cd "$root" && cp -R pyproject.toml README.md LICENSE NOTICE src "$place/source")
rm -rf "$place"/source/src/*.egg-info
if [ -n "${WHEEL_CHECK_SITE:-}" ]; then
    site=$("$root/$WHEEL_CHECK_SITE/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    # A plain line in a .pth file does not run the .pth files there, so that a relook which is
    # installed there in editable mode stays out of sight.
    echo "$site" >"$("$new/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/site.pth"
    step "wheel" "$root/$WHEEL_CHECK_SITE/bin/python" -m pip wheel --no-deps --no-build-isolation -w "$place" "$place/source"
    step "install" "$new/python" -m pip install --no-deps --no-index --ignore-installed "$place"/relook-*.whl
else
    step "wheel" "$new/python" -m pip wheel --no-deps -w "$place" "$place/source"
    step "install" "$new/python" -m pip install ${CONSTRAINTS:+-c "$root/$CONSTRAINTS"} "$place"/relook-*.whl
fi
echo "wheel: $(wc -c <"$(echo "$place"/relook-*.whl)") bytes"

mkdir "$place/empty"
cd "$place/empty"
"$new/python" - "$root/datasets/nuclei" <<'END'
"""Copy eight images of the nuclei and a json file of these: what a user brings."""
import json
import shutil
import sys
from pathlib import Path

import relook

data = Path(sys.argv[1])
inside = Path(sys.prefix).resolve()
assert inside in Path(relook.__file__).resolve().parents, f"{relook.__file__} is not the wheel's"
content = json.loads((data / "annotations" / "instances_val.json").read_text())
content["images"] = content["images"][:8]
kept = {image["id"] for image in content["images"]}
content["annotations"] = [one for one in content["annotations"] if one["image_id"] in kept]
Path("images").mkdir()
for image in content["images"]:
    shutil.copy(data / "images" / image["file_name"], "images")
shutil.copy(data / "images" / content["images"][0]["file_name"], "cells.jpg")
Path("cells.json").write_text(json.dumps(content))
END

step "relook predict cells.jpg --model nuclei" \
    "$new/relook" predict cells.jpg --model nuclei --save overlay,coco,masks
expect predictions/overlay/cells.jpg predictions/predictions.json predictions/masks/cells.png
"$new/python" - <<'END'
"""The shipped model found about as many nuclei as there are."""
import json

truth = json.load(open("cells.json"))
first = truth["images"][0]["id"]
there = sum(one["image_id"] == first for one in truth["annotations"])
found = len(json.load(open("predictions/predictions.json"))["annotations"])
assert 0.5 * there <= found <= 1.5 * there, f"{found} nuclei found, {there} are there"
print(f"found {found} nuclei where {there} were annotated")
END

step "relook train --weights nuclei --minutes 0.3" \
    "$new/relook" train --weights nuclei --train-json cells.json --images images --minutes 0.3 \
    --out runs/mine
expect runs/mine/best.safetensors runs/mine/report.html runs/mine/config.yaml

step "relook eval runs/mine" "$new/relook" eval runs/mine --json cells.json --images images
expect runs/mine/eval/cells/metrics.json runs/mine/eval/cells/predictions.json

step "relook models" "$new/relook" models
grep -q '^ *nuclei ' "$place/log" || {
    echo "FAILED: relook models does not list nuclei" >&2
    exit 1
}
"$new/python" -c 'import torch, torchvision; print("torch", torch.__version__, "torchvision", torchvision.__version__)'
echo "environment: $(du -sh "$place/env" | cut -f1)"
echo "the wheel alone predicts, trains, evaluates and lists"
