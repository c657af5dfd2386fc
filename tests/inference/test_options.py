"""Options of a prediction: made once, right or refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import relook
from relook import TTA, PanopticRequest, PredictOptions
from relook.config.model import PanopticConfig
from relook.data.panoptic.labels import StuffLabels
from relook.errors import UsageError
from relook.inference.options import OptionChanges
from relook.structures.panoptic import PanopticCategory


def test_lists_and_text_will_do() -> None:
    options = PredictOptions().with_(size=[64, 32], tta="flip", panoptic=False)
    assert options == PredictOptions(size=(64, 32), tta=TTA(flip=True))
    assert options.with_() is options
    assert options.with_(tta=None, panoptic=True).panoptic == PanopticRequest()


def test_a_change_can_be_every_field_and_nothing_else() -> None:
    assert list(get_type_hints(OptionChanges)) == [
        field.name for field in dataclasses.fields(PredictOptions)
    ]
    with pytest.raises(UsageError, match="U02: unknown option 'max_det'; did you mean 'max_dets'"):
        PredictOptions().with_(max_det=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (32, 64)}, "size: expected"),
        ({"size": (64, 0)}, "size: expected"),
        ({"size": (64, 32, 16)}, "size: expected"),
        ({"size": (64,)}, "size: expected"),
        ({"score": 1.5}, "score: expected a number from 0 to 1, got 1.5"),
        ({"score": float("nan")}, "score: expected a number from 0 to 1, got nan"),
        ({"max_dets": 0}, "max_dets: expected at least 1"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"diameter": 0}, "diameter: expected auto, or the pixels"),
        ({"diameter": float("nan")}, "diameter: expected auto, or the pixels"),
        ({"diameter": "big"}, "diameter: expected auto or a number of pixels, got 'big'"),
        ({"agnostic": 1}, "agnostic: expected True or False, got 1"),
        ({"tta": "mirror"}, "--tta: 'mirror'; expected flip"),
    ],
)
def test_others_are_refused_where_they_are_made(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"U03.*{message}"):
        PredictOptions().with_(**changes)
    if not any(isinstance(value, str) for value in changes.values()):
        with pytest.raises(UsageError, match=f"U03.*{message}"):
            PredictOptions(**changes)


def test_options_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PredictOptions().score = 0.4  # type: ignore[misc]


def test_sizes_of_views_are_the_only_ones() -> None:
    with pytest.raises(UsageError, match=r"U04.*scales of tta are sizes of their own, and size"):
        PredictOptions().with_(size=(64, 32), tta="scales=48")


def test_views_have_no_labels_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not labels of pixels"):
        PredictOptions(tta=TTA(flip=True), panoptic=PanopticRequest())
    labels = StuffLabels({0: PanopticCategory(1, "sky", False)}).in_folder(tmp_path)
    options = PredictOptions(tta=TTA(flip=True), panoptic=PanopticRequest(labels=labels))
    assert not options.label_pixels


def test_a_record_tells_requests_apart(tmp_path: Path) -> None:
    """All but the size of batches, which results do not depend on, as json values."""
    labels = StuffLabels({0: PanopticCategory(1, "sky", False)})
    requests = [
        PredictOptions(),
        PredictOptions(size=(64, 32)),
        PredictOptions(score=0.5),
        PredictOptions(max_dets=5),
        PredictOptions(tta=TTA(flip=True)),
        PredictOptions(tta=TTA(scales=(32,))),
        PredictOptions(diameter="auto"),
        PredictOptions(agnostic=True),
        PredictOptions(diameter=40.0),
        PredictOptions(panoptic=PanopticRequest()),
        PredictOptions(panoptic=PanopticRequest(rule=PanopticConfig(score=0.4))),
        PredictOptions(panoptic=PanopticRequest(labels=labels)),
        PredictOptions(panoptic=PanopticRequest(labels=labels.in_folder(tmp_path))),
    ]
    records = {json.dumps(one.record()) for one in requests}
    assert len(records) == len(requests)
    assert PredictOptions(batch_size=4).record() == PredictOptions().record()


def test_one_thing_decides_the_size() -> None:
    options = PredictOptions().with_(diameter="40", tta="flip")
    assert options.diameter == 40.0
    assert PredictOptions().with_(diameter="auto").diameter == "auto"
    with pytest.raises(UsageError, match=r"U04: size and diameter.*Leave one of them out"):
        options.with_(size=(64, 32))
    with pytest.raises(UsageError, match=r"U04: the scales of tta.*or leave diameter out"):
        options.with_(tta="flip,scales=64:96")


def test_it_is_public() -> None:
    assert relook.PredictOptions is PredictOptions
    assert relook.PanopticRequest is PanopticRequest
