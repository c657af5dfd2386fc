"""The Ray Data job of docs/clusters.md: it finds what `relook predict` finds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "ray_predict.py"


def test_the_page_has_the_example() -> None:
    page = (ROOT / "docs" / "clusters.md").read_text()
    [block] = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert block == EXAMPLE.read_text()


@pytest.mark.ray
def test_two_workers_find_what_one_command_finds(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    photos = tmp_path / "photos"
    photos.mkdir()
    for image in sorted((ROOT / "datasets" / "nuclei" / "images").glob("*.jpg"))[:11]:
        shutil.copy(image, photos)
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n of no use")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}

    def run(*words: str, code: int = 0) -> None:
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr

    options = ("--model", "nuclei", "--out", "one", "--save", "coco")
    run("-m", "relook", "predict", "photos", *options, code=3)
    run(str(EXAMPLE), "photos", "nuclei", str(tmp_path / "found"), "2")
    rows = [
        json.loads(line)
        for file in sorted((tmp_path / "found").glob("*.json"))
        for line in file.read_text().splitlines()
    ]
    by_name = {Path(row["path"]).name: row for row in rows}
    assert "cannot be read" in by_name["broken.png"]["error"]
    expected = json.loads((tmp_path / "one" / "predictions.json").read_text())
    objects = expected["annotations"]
    for image in expected["images"]:
        found = json.loads(by_name.pop(Path(image["file_name"]).name)["objects"])
        of_image = [row for row in objects if row["image_id"] == image["id"]]
        assert len(found) > 5
        for key in ("bbox", "score", "category_id", "segmentation"):
            assert [row[key] for row in found] == [row[key] for row in of_image]
    assert by_name.keys() == {"broken.png"}
