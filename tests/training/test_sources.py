"""What the data decides about a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from relook.config.base import overlay
from relook.data.augment.copy_paste import CopyPaste
from relook.errors import UsageError
from relook.training.settings import Settings
from relook.training.sources import read_sources


def test_classes_and_semantics_follow_the_data(small: Settings) -> None:
    wide = overlay(small, {"model": {"num_classes": 7, "semantic": {"num_classes": 8}}})
    settings, sources = read_sources(wide)
    assert settings.model.num_classes == 1
    assert settings.model.semantic is not None
    assert settings.model.semantic.num_classes == 2
    assert len(sources.training_set(settings)) == 4


def test_a_model_without_the_branch_keeps_doing_without(small: Settings) -> None:
    settings, sources = read_sources(overlay(small, {"model": {"semantic": None}}))
    assert settings.model.semantic is None
    assert "no semantic branch" in sources.semantics.reason


def test_maps_need_their_folder(small: Settings) -> None:
    with pytest.raises(UsageError, match="folder of the maps"):
        read_sources(overlay(small, {"train": {"semantics": "maps"}}))


def test_from_scratch_reaches_the_model(
    blobs: Path, make_settings: Callable[..., Settings]
) -> None:
    given = make_settings(blobs, "detectors-htc-r50", from_scratch=True)
    settings, _ = read_sources(given)
    assert settings.model.backbone.norm == "group"
    assert settings.model.backbone.weights is None


def test_copy_paste_needs_masks(small: Settings) -> None:
    pasting = overlay(small, {"train": {"augment": {"copy_paste": 0.5}}})
    settings, sources = read_sources(pasting)
    assert sources.training_set(settings).copy_paste == CopyPaste(settings.train.augment)
    assert sources.training_set(small).copy_paste is None
    no_masks = {"masks": False, "hybrid": {"interleaved": False, "mask_flow": False}}
    boxes_only = overlay(pasting, {"model": {"cascade": no_masks, "semantic": None}})
    with pytest.raises(UsageError, match=r"of instances\.json there are boxes only") as caught:
        read_sources(boxes_only)
    assert caught.value.code == "U04"


def test_every_augmentation_reaches_the_samples(small: Settings) -> None:
    still = {"flip": 0, "vertical_flip": 0, "quarter_turns": False, "colour": 0}
    still |= {"scale_jitter": [1.0, 1.0]}
    settings, sources = read_sources(overlay(small, {"train": {"augment": still}}))
    plain = sources.training_set(settings)[0]
    for change in ({"grey": 1.0}, {"blur": 2.0}, {"noise": 20.0}, {"copy_paste": 1.0}):
        varied = overlay(settings, {"train": {"augment": change}})
        torch.manual_seed(1)
        sample = sources.training_set(varied)[0]
        assert sample.image.shape == plain.image.shape
        assert (sample.image != plain.image).any(), change


def test_without_validation_there_is_no_validation_set(small: Settings) -> None:
    settings, sources = read_sources(overlay(small, {"data": {"val_json": None}}))
    assert sources.validation_set(settings) is None


def test_all_objects_are_of_one_class_if_asked(small: Settings) -> None:
    settings, sources = read_sources(overlay(small, {"data": {"one_class": "thing"}}))
    assert settings.model.num_classes == 1
    assert [c.name for c in sources.train.classes] == ["thing"]
    assert sources.val is not None and sources.val.classes == sources.train.classes
