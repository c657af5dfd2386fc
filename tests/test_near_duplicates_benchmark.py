"""`benchmarks/near_duplicates.py` on a few images."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "near_duplicates.py"
IMAGES = sorted((ROOT / "datasets" / "nuclei" / "images").glob("20*.jpg"))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("near_duplicates_benchmark", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("change", ["JPEG 20", "half the size, PNG", "mirrored"])
def test_every_change_is_found(script: ModuleType, change: str, tmp_path: Path) -> None:
    assert len(IMAGES) > 1
    missed, false, speed = script.measure(IMAGES, change, tmp_path)
    assert (missed, false) == (0, 0)
    assert speed > 1


def test_a_scale_bar_makes_no_images_alike(script: ModuleType, tmp_path: Path) -> None:
    assert script.labelled(IMAGES, tmp_path) == 0


def test_misses_and_mistakes_are_counted(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = script.Image.new("RGB", (50, 50))
    monkeypatch.setitem(script.CHANGES, "blank", (lambda _: blank, None))
    assert script.measure(IMAGES, "blank", tmp_path)[:2] == (len(IMAGES), 0)
    with script.Image.open(IMAGES[0]) as image:
        same = image.convert("RGB")
    monkeypatch.setitem(script.CHANGES, "same", (lambda _: same, None))
    missed, false, _ = script.measure(IMAGES, "same", tmp_path)
    assert missed == len(IMAGES) - 1
    assert false == len(IMAGES) * (len(IMAGES) - 1) / 2  # the copies are alike, too
