"""benchmarks/large_image.py, on a small image."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import large_image


def test_mosaics_are_written_part_by_part(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    large_image.write_mosaic(path, 600, large_image.disc_parts(600, 16))
    picture = tifffile.imread(path)
    assert picture.shape == (600, 600, 3)
    assert (picture[75, 75], picture[0, 0]) == (pytest.approx(220), pytest.approx(20))
    large_image.write_mosaic(path, 300, large_image.mosaic_parts(300))
    assert tifffile.imread(path)[:256, :256].std() > 1


def test_discs_are_all_found_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tif"
    large_image.write_mosaic(path, 900, large_image.disc_parts(900, 36))
    options = Namespace(threads=1, model="nuclei", stand_in=True, network=1, save="masks")
    large_image.predict_here(path, tmp_path / "out", options)
    assert '"objects": 36' in capsys.readouterr().out
    assert len(np.unique(np.asarray(Image.open(tmp_path / "out" / "masks" / "a.png")))) == 37
