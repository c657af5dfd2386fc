"""The table of docs/performance.md on what each command imports is true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from .conftest import write_picture

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
LARGE = (
    *("numpy", "safetensors", "cv2", "pycocotools", "tifffile", "torch", "torchvision"),
    *("lightning", "hotcoco", "onnxruntime"),
)
"""Packages whose import takes long, or that not everybody needs; the table names no others. Those
that Lightning imports where they happen to be installed (matplotlib, scipy) are not relook's."""

DATA = ["--json", "small.json", "--images", "."]
TINY = ["--size", "64", "64", "--max-dets", "1"]
ROWS: dict[str, list[list[str]]] = {
    "`relook --help`, and an unknown command": [["--help"], ["--version"], ["predikt"]],
    "`--help` of a command, and a value that its option does not take": [
        ["predict", "--help"],
        ["train", "--help"],
        ["eval", "--help"],
        ["predict", "a.png", "--score", "3"],
        ["new-part", "neck", "class"],
    ],
    "`relook models`, `show NAME`, `weights list`": [
        ["models"],
        ["models", "--json"],
        ["show", "htc-tiny"],
        ["show", "nuclei"],
        ["show", "no-model"],
        ["weights", "list"],
    ],
    "a model, image, folder or annotation file that is not there or not whole": [
        ["predict", "a.png", "-m", "no-model"],
        ["predict", "no.png", "-m", "nuclei"],
        ["predict", "a.png", "-m", "nuclei", "--tile", "seven"],
        ["eval", "no-model", *DATA],
        ["eval", "nuclei", "--json", "no.json", "--images", "."],
        ["train", "no-folder"],
        ["train", "-m", "htc-tiny", "--train-json", "cut.json", "--images", "."],
        ["train", "--weights", "no-model", "--train-json", "small.json", "--images", "."],
        ["train", "--weights", "nuclei", "--train-json", "cut.json", "--images", "."],
        ["train", "--resume", "no-run"],
        ["export", "no.safetensors"],
        ["explain", "looks", "no.png", "-m", "nuclei"],
        ["compare", "no-a", "no-b", "a.png"],
        ["serve", "no-model"],
        ["app", "no-folder"],
        ["app", ".", "--model", "no-model"],
        ["weights", "import", "no.pth", "-o", "out.safetensors"],
        ["ablate", "--train-json", "no.json", "--images", "."],
        ["ablate", "--epochs", "1", "--train-json", "no.json", "--images", "."],
    ],
    "`relook data check`, `stats`, `split`, `merge`, `panoptic`": [
        ["data", "check", "small.json", "--images", "."],
        ["data", "stats", "small.json", "--images", "."],
        ["data", "split", "small.json", "out", "--images", "."],
        ["data", "merge", "small.json", "small.json", "merged.json"],
        ["data", "panoptic", "small.json", "panoptic.json"],
    ],
    "`relook predict`": [["predict", "a.png", "-m", "nuclei", "--json", *TINY]],
    "`relook eval`": [["eval", "nuclei", *DATA, *TINY, "--out", "found"]],
}
"""Row of the table -> commands. What stands in a row is imported beside that of the rows above."""

PROGRAM = """
import contextlib, io, json, sys
from relook.cli.app import app

rows, large = json.loads(sys.argv[1]), json.loads(sys.argv[2])
told, before = {}, set()
for row, commands in rows.items():
    outputs = []
    for arguments in commands:
        written = io.StringIO()
        with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
            try:
                app(arguments, standalone_mode=False)
            except BaseException as error:
                written.write(repr(error))
        outputs.append([" ".join(arguments), written.getvalue()])
    now = {name for name in large if name in sys.modules}
    told[row] = {"imports": sorted(now - before), "outputs": outputs}
    told[row]["compiler"] = "torch._dynamo" in sys.modules
    before = now
import relook.training.loop
now = {name for name in large if name in sys.modules}
told["`relook train`"] = {"imports": sorted(now - before), "outputs": []}
print(json.dumps(told))
"""


def test_the_table_of_imports_is_true(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 64, 64)
    outline = [5, 5, 25, 5, 25, 30, 5, 30]
    record = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 500}
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        "annotations": [{**record, "bbox": [5, 5, 20, 25], "segmentation": [outline]}],
        "categories": [{"id": 1, "name": "nucleus"}],
    }
    (tmp_path / "small.json").write_text(json.dumps(content))
    (tmp_path / "cut.json").write_text('{"images": [')
    command = [sys.executable, "-c", PROGRAM, json.dumps(ROWS), json.dumps(LARGE)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    told = json.loads(run.stdout)
    table = dict(re.findall(r"^\| (.+?) \| ([^|]+?) \|$", PAGE.read_text(), re.MULTILINE))
    for row, found in told.items():
        expected = [] if table[row] == "-" else re.findall(r"`([\w.]+)`", table[row])
        assert found["imports"] == sorted(expected), (row, found["outputs"])
    assert not told["`relook predict`"]["compiler"]  # importing it takes a second
    for text, output in told["`relook predict`"]["outputs"] + told["`relook eval`"]["outputs"]:
        assert "objects" in output or "AP" in output, (text, output)
