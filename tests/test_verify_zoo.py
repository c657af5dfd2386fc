"""`make verify-zoo`, on a data set and checkpoints small enough to be here."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from relook.data.coco.reader import Category
from relook.interop import importing
from relook.interop.importing import Imported
from relook.interop.report import Report
from relook.interop.zoo import zoo
from relook.interop.zoo.zoo import find

from .narrow_models import detector_of, narrow_config

ROOT = Path(__file__).resolve().parents[1]
CONTENT = b"weights, as it were"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_zoo", ROOT / "scripts" / "verify_zoo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["verify_zoo"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def coco(tmp_path: Path, make_dataset: Callable[..., Path]) -> Path:
    """A folder laid out as COCO is."""
    truth = make_dataset(tmp_path / "made", [[(4, 4, 20, 16)], [(10, 30, 24, 20)]])
    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    shutil.copy(truth, folder / "annotations" / "instances_val2017.json")
    shutil.copytree(truth.parent / "images", folder / "val2017")
    return folder


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[zoo.ZooFile]:
    """Two checkpoints in the cache, one of them measured on test-dev, and one that is nowhere."""
    monkeypatch.setenv("RELOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RELOOK_MIRRORS", raising=False)
    base = find("detectors-htc-r50")
    here = f"https://nowhere.invalid/a-{DIGEST[:8]}.pth"
    listed = [
        replace(base, name="one", url=here, box_ap=0.0, mask_ap=0.0),
        replace(base, name="two", url=here, split="test-dev"),
        replace(base, name="three", url="ftp://nowhere.invalid/b-00000000.pth"),
    ]
    listed[0].path.parent.mkdir(parents=True)
    listed[0].path.write_bytes(CONTENT)
    monkeypatch.setattr(zoo, "ZOO", tuple(listed))
    config = narrow_config(input__size=(64, 64))

    def stand_in(path: Path, **_: Any) -> Imported:
        report = Report(path.name, "mmdet", "", 0, "", (), (), (), (), "free")
        classes = (Category(7, "blob"),)
        return Imported(detector_of(config).eval(), config, classes, report)

    monkeypatch.setattr(importing, "import_checkpoint", stand_in)
    return listed


def run(script: ModuleType, coco: Path, *arguments: str) -> tuple[int, dict[str, str]]:
    """The exit code, and the verdict by name."""
    out = coco.parent / "out.json"
    code = script.main(["--coco", str(coco), "--out", str(out), "--device", "cpu", *arguments])
    return code, {row["name"]: row["verdict"] for row in json.loads(out.read_text())}


@pytest.mark.usefixtures("files")
def test_all_of_them(script: ModuleType, coco: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, verdicts = run(script, coco)
    assert verdicts["one"] == "agrees"
    assert verdicts["two"] == "published on test-dev"
    assert verdicts["three"].startswith("failed: usage error U03")
    assert code == 1
    captured = capsys.readouterr()
    assert "was not run in the making" in captured.err
    row = next(line for line in captured.out.splitlines() if line.startswith("two"))
    assert re.search(r"49\.1 / 42\.6 +\d+\.\d / \d+\.\d  published on test-dev", row)


@pytest.mark.usefixtures("files")
def test_a_part_of_the_images_is_not_judged(script: ModuleType, coco: Path) -> None:
    code, verdicts = run(script, coco, "--limit", "1", "--only", "one", "two")
    assert verdicts == {"one": "a part of the images", "two": "published on test-dev"}
    assert code == 0
    assert run(script, coco, "--only", "one")[0] == 0


@pytest.mark.usefixtures("files")
def test_a_number_that_differs(
    script: ModuleType, coco: Path, files: list[zoo.ZooFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo, "ZOO", (replace(files[0], box_ap=60.0),))
    assert run(script, coco) == (1, {"one": "differs"})


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        ((42.3, 37.4), "agrees"),
        ((42.4, 37.3), "agrees"),
        ((42.3, 37.0), "differs"),
        ((42.3, None), "differs"),
        ((float("nan"), 37.4), "differs"),
    ],
)
def test_what_counts_as_the_same(script: ModuleType, measured: Any, verdict: str) -> None:
    outcome = script.Outcome("x", None, "val2017", (42.3, 37.4), measured)
    assert outcome.verdict(complete=True) == verdict


def test_boxes_alone(script: ModuleType) -> None:
    outcome = script.Outcome("x", None, "val2017", (42.3, None), (42.3, None))
    assert outcome.verdict(complete=True) == "agrees"


def test_without_coco(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--coco", str(tmp_path)]) == 3


def test_the_target_passes_its_variables_on() -> None:
    command = ["make", "-n", "verify-zoo", "COCO=/data/coco", "LIMIT=5", "ONLY=htc-r50 cascade-r50"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert '--coco "/data/coco" --limit 5 --only htc-r50 cascade-r50' in printed
    result = subprocess.run(command[:3], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "COCO=DIR" in result.stderr
