"""Panoptic predictions of one pass: objects, labels and map agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.config.model import ModelConfig, PanopticConfig
from relook.data.panoptic.labels import StuffLabels
from relook.errors import DataError, ModelError, UsageError
from relook.inference.options import PanopticRequest
from relook.inference.panoptic import PanopticTask
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Unreadable
from relook.inference.results import Result
from relook.models.build import build_detector
from relook.ops.rle import decode_window
from relook.structures.panoptic import PanopticCategory
from relook.weights.file import load_model, save_model

from ..narrow_models import NUT_AND_BOLT, predictor_of
from .conftest import narrow

STUFF = (PanopticCategory(2, "table", False), PanopticCategory(20, "wall", False, "building"))
EVERY_SEGMENT = PanopticConfig(score=0.0, stuff_area=0)
EVERYTHING = PanopticRequest(rule=EVERY_SEGMENT)


def config_of(name: str = "detectors-panoptic-tiny", **changes: Any) -> ModelConfig:
    """A narrow model that labels pixels."""
    return narrow(name, **changes)


def predictor_with(config: ModelConfig, stuff: Any = STUFF) -> Predictor:
    return predictor_of(config, stuff=stuff)


@pytest.fixture(scope="module")
def picture() -> np.ndarray[Any, Any]:
    small = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.array(Image.fromarray(small).resize((80, 60), Image.Resampling.BICUBIC))


def consistent(result: Result) -> None:
    """Every segment is what it says it is, and nothing is counted twice."""
    assert result.panoptic is not None and result.semantic is not None and result.masks
    ids, segments = result.panoptic.ids, result.panoptic.segments
    assert ids.shape == result.semantic.shape == result.size
    assert sum(s.area for s in segments) == np.count_nonzero(ids)
    stuff = {c.id: label for label, c in enumerate(result.stuff)}
    for segment in segments:
        mask = ids == segment.id
        assert np.count_nonzero(mask) == segment.area
        if segment.is_thing:
            row = segment.instance
            assert row is not None
            assert result.classes[int(result.labels[row])].id == segment.category_id
            assert segment.score == float(result.scores[row])
            whole = np.zeros(result.size, dtype=bool)
            window, left, top = decode_window(result.masks[row])
            whole[top : top + window.shape[0], left : left + window.shape[1]] = window
            assert not np.any(mask & ~whole)
        else:
            assert set(np.unique(result.semantic[mask])) == {stuff[segment.category_id]}


@pytest.mark.parametrize("name", ["detectors-panoptic-tiny", "htc-tiny"])
def test_objects_labels_and_map_of_one_pass_agree(name: str, picture: np.ndarray[Any, Any]) -> None:
    predictor = predictor_with(config_of(name))
    plain = predictor.predict(picture)
    found = predictor.predict(picture, panoptic=EVERYTHING)
    assert np.array_equal(found.boxes, plain.boxes) and found.masks == plain.masks
    assert plain.panoptic is None and plain.semantic is None
    consistent(found)
    assert found.panoptic is not None
    assert {s.is_thing for s in found.panoptic.segments} == {True, False}
    assert found.stuff == STUFF


def test_fast_and_plain_ways_give_the_same_labels(picture: np.ndarray[Any, Any]) -> None:
    predictor = predictor_with(config_of())
    fast = predictor.predict(picture, panoptic=True)
    predictor.fast = False
    plain = predictor.predict(picture, panoptic=True)
    assert fast.semantic is not None and plain.semantic is not None
    assert np.mean(fast.semantic != plain.semantic) < 1e-3


def test_the_models_own_rule_and_one_that_is_given(picture: np.ndarray[Any, Any]) -> None:
    predictor = predictor_with(config_of(panoptic__stuff_area=10**6, panoptic__score=1.0))
    own = predictor.predict(picture, panoptic=True)
    assert own.panoptic is not None and own.panoptic.segments == ()
    given = predictor.predict(picture, panoptic=EVERYTHING)
    assert given.panoptic is not None and given.panoptic.segments


def test_a_filter_keeps_segments_and_their_rows_together(picture: np.ndarray[Any, Any]) -> None:
    result = predictor_with(config_of()).predict(picture, panoptic=EVERYTHING)
    few = result.filter(max_dets=2)
    assert few.panoptic is not None and result.panoptic is not None
    assert len(few.panoptic.segments) == len(result.panoptic.segments)
    rows = {s.instance for s in few.panoptic.segments if s.is_thing}
    assert rows <= {0, 1, None}


def test_labels_of_another_model_take_the_place_of_the_models_own(
    tmp_path: Path, picture: np.ndarray[Any, Any]
) -> None:
    Image.fromarray(picture).save(tmp_path / "a.png")
    (tmp_path / "maps").mkdir()
    semantic = np.full((60, 80), 1, dtype=np.uint8)
    semantic[30:] = 0
    Image.fromarray(semantic).save(tmp_path / "maps" / "a.png")
    labels = StuffLabels.of_model(STUFF).in_folder(tmp_path / "maps")
    of_files = PanopticRequest(labels=labels)
    all_of_them = PanopticRequest(rule=EVERY_SEGMENT, labels=labels)
    predictor = predictor_with(config_of("htc-tiny", semantic=None), stuff=())
    found = predictor.predict(tmp_path / "a.png", panoptic=all_of_them)
    assert found.semantic is not None and np.array_equal(found.semantic, semantic)
    consistent(found)
    doubled = predictor.predict(tmp_path / "a.png", panoptic=of_files, tta="flip")
    assert doubled.panoptic is not None
    (tmp_path / "maps" / "a.png").unlink()
    with pytest.raises(DataError, match="D12"):
        predictor.predict(tmp_path / "a.png", panoptic=of_files)
    (refused,) = predictor.outcomes([tmp_path / "a.png"], panoptic=of_files)
    assert isinstance(refused, Unreadable) and refused.error.code == "D12"


def test_a_map_has_the_segments_of_its_rule_whatever_is_shown(
    picture: np.ndarray[Any, Any],
) -> None:
    """A model that shows objects from a score above the rule's loses none of its segments."""
    config = config_of(panoptic__score=0.0, panoptic__stuff_area=0)
    every = predictor_with(config)
    sure = Predictor(
        every.detector, config, NUT_AND_BOLT, device="cpu", stuff=STUFF, shown_from=0.99
    )
    expected, found = (p.predict(picture, panoptic=True).panoptic for p in (every, sure))
    assert expected is not None and found is not None
    assert np.array_equal(expected.ids, found.ids)
    assert any(segment.is_thing for segment in found.segments)
    assert len(sure.predict(picture)) == 0
    chosen = sure.predict(picture, panoptic=True, score=0.99).panoptic
    assert chosen is not None and not any(segment.is_thing for segment in chosen.segments)


def test_the_fields_that_a_rule_sets_stand_in_for_the_models_own() -> None:
    own = PanopticConfig(score=0.3, stuff_area=7)
    request = PanopticRequest(rule=PanopticConfig(stuff_area=9))
    assert request.rule_for(own) == PanopticConfig(score=0.3, stuff_area=9)
    assert PanopticRequest().rule_for(own) == own


@pytest.mark.parametrize(
    ("name", "changes", "what"),
    [
        ("htc-tiny", {"semantic": None}, "labels no pixels"),
        ("htc-tiny", {}, "3 labels that its file does not name"),
        (
            "htc-tiny",
            {
                "cascade__masks": False,
                "cascade__hybrid__interleaved": False,
                "cascade__hybrid__mask_flow": False,
            },
            "boxes only",
        ),
    ],
)
def test_models_that_cannot(
    name: str, changes: dict[str, Any], what: str, picture: np.ndarray[Any, Any]
) -> None:
    if changes.get("semantic", 0) is None:
        config = config_of(name).with_(semantic=None)
    else:
        config = config_of(name, **changes)
    with pytest.raises(ModelError, match=what) as caught:
        predictor_with(config, stuff=()).predict(picture, panoptic=True)
    assert caught.value.code == "M04"


def test_one_id_for_a_thing_and_for_stuff_is_refused() -> None:
    stuff = (PanopticCategory(7, "table", False), STUFF[1])
    with pytest.raises(UsageError, match="the thing nut and the stuff table"):
        PanopticTask.of(config_of(), NUT_AND_BOLT, stuff, PanopticConfig())


def test_views_have_no_labels_of_their_own(picture: np.ndarray[Any, Any]) -> None:
    with pytest.raises(UsageError, match="not labels of pixels"):
        predictor_with(config_of()).predict(picture, panoptic=True, tta="flip")


def test_a_file_keeps_the_names_of_stuff(tmp_path: Path) -> None:
    config = config_of()
    path = tmp_path / "model.safetensors"
    save_model(path, build_detector(config), config, NUT_AND_BOLT, stuff=STUFF)
    assert load_model(path).stuff == STUFF
    assert Predictor.of(load_model(path), device="cpu").stuff == STUFF
    with pytest.raises(ModelError, match="M04"):
        save_model(path, build_detector(config), config, NUT_AND_BOLT, stuff=STUFF[:1])
