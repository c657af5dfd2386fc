"""Detections of supervision."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from relook.errors import UsageError
from relook.inference.results import Result


def test_detections_have_masks_scores_and_names(
    odd: Result, masks: list[NDArray[np.bool_]]
) -> None:
    pytest.importorskip("supervision")
    detections = odd.to_supervision()
    assert len(detections) == 4
    assert (detections.mask == np.stack(masks)).all()
    assert detections.confidence.tolist() == odd.scores.tolist()
    assert detections.data["class_name"].tolist() == odd.names


def test_what_is_handed_over(
    odd: Result, masks: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "supervision", SimpleNamespace(Detections=SimpleNamespace))
    detections = replace(odd, tracks=np.array([4, 1, 2, 3])).to_supervision()
    assert (detections.xyxy == odd.boxes).all() and (detections.mask == np.stack(masks)).all()
    assert detections.tracker_id.tolist() == [4, 1, 2, 3]
    assert detections.class_id.tolist() == odd.labels.tolist()


def test_a_missing_library_is_named(odd: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(UsageError, match=r"U04.*pip install supervision"):
        odd.to_supervision()
