"""Sizes, normalisation and classes of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config.model import ModelConfig
from relook.interop.mmdet_config.account import Account
from relook.interop.mmdet_config.carried_input import (
    as_limits,
    carry_classes,
    carry_input,
    pipeline,
)
from relook.interop.mmdet_config.unreadable import Unreadable

_BASE = ModelConfig(num_classes=2)
_BGR = {"mean": [103.53, 116.28, 123.675], "std": [1.0, 1.0, 1.0], "to_rgb": False}


def _carry(values: dict[str, Any]) -> tuple[Account, bool]:
    account = Account(values, _BASE)
    return account, carry_input(account)


def _pipelines(steps: list[Any]) -> list[dict[str, Any]]:
    return [
        {"test_pipeline": steps},
        {"data": {"test": {"pipeline": steps}}},
        {"data": {"val": {"type": "Wrapper", "dataset": {"pipeline": steps}}}},
        {"test_dataloader": {"dataset": {"pipeline": steps}}},
    ]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    "steps",
    [
        [{"type": "Resize", "scale": (1024, 512), "keep_ratio": True}],
        [{"type": "mmdet.Resize", "scale": [512, 1024]}],
        [{"type": "MultiScaleFlipAug", "img_scale": [(1024, 512)], "transforms": [{"type": "x"}]}],
    ],
)
def test_sizes(place: int, steps: list[Any]) -> None:
    account, _ = _carry(_pipelines(steps)[place])
    assert account.config.input.size == (1024, 512)


@pytest.mark.parametrize(
    "scale", [[(1333, 800), (1600, 900)], (0.5, 2), 800, "large", (-1, 800), Unreadable("a", "b")]
)
def test_other_sizes_are_ignored(scale: Any) -> None:
    account, _ = _carry({"test_pipeline": [{"type": "Resize", "scale": scale}]})
    assert account.config == _BASE and len(account.ignored) == 1


def test_tests_with_flips_or_stretching_are_conflicts() -> None:
    steps = [
        {"type": "MultiScaleFlipAug", "flip": True, "transforms": [{"type": "Resize"}]},
        {"type": "Resize", "keep_ratio": False},
        {"type": "Pad", "size_divisor": 64},
    ]
    account, _ = _carry({"test_pipeline": steps})
    assert len(account.conflicts) == 3


@pytest.mark.parametrize(
    "values",
    [
        {"img_norm_cfg": {"mean": [1, 2, 3], "std": [4, 5, 6], "to_rgb": True}},
        {"model": {"data_preprocessor": {"mean": [1, 2, 3], "std": [4, 5, 6]}}},
        {
            "img_norm_cfg": {"mean": [0, 0, 0], "std": [1, 1, 1]},
            "test_pipeline": [{"type": "Normalize", "mean": [1, 2, 3], "std": [4, 5, 6]}],
        },
    ],
)
def test_normalisation(values: dict[str, Any]) -> None:
    account, order = _carry(values)
    assert (account.config.input.mean, account.config.input.std) == ((1, 2, 3), (4, 5, 6))
    assert order == (False, False) and account.conflicts == []


@pytest.mark.parametrize(
    "values",
    [
        {"img_norm_cfg": _BGR},
        {
            "model": {
                "data_preprocessor": {
                    "mean": _BGR["mean"],
                    "std": _BGR["std"],
                    "bgr_to_rgb": False,
                }
            }
        },
    ],
)
def test_caffe(values: dict[str, Any]) -> None:
    account, order = _carry(values)
    assert order == (True, True)
    assert account.config.input.mean == (123.675, 116.28, 103.53)
    assert account.config.input.std == (1, 1, 1)
    assert account.conflicts == []
    assert any("are turned, too" in line for line in account.used)


def test_broken_normalisation_is_a_conflict() -> None:
    for broken in ({"mean": [1, 2], "std": [1, 2, 3]}, {"mean": "x", "std": None}):
        account, _ = _carry({"img_norm_cfg": broken})
        assert account.config == _BASE and account.differing


def _classes(values: dict[str, Any]) -> tuple[tuple[str, ...] | None, Account]:
    account = Account(values, _BASE)
    return carry_classes(account), account


_NAMES = ["cat", "dog"]


@pytest.mark.parametrize(
    "values",
    [
        {"classes": _NAMES},
        {"CLASSES": tuple(_NAMES)},
        {"metainfo": {"classes": _NAMES}},
        {"data": {"train": {"classes": _NAMES}}},
        {"data": {"test": {"classes": _NAMES}}},
        {"data": {"train": {"type": "RepeatDataset", "dataset": {"classes": _NAMES}}}},
        {"train_dataloader": {"dataset": {"metainfo": {"classes": _NAMES}}}},
        {"train_dataloader": {"dataset": {"metainfo": {"CLASSES": _NAMES}}}},
        {"classes": _NAMES, "data": {"train": {"classes": _NAMES}}},
    ],
)
def test_classes(values: dict[str, Any]) -> None:
    found, account = _classes(values)
    assert found == ("cat", "dog")
    assert account.conflicts == []


@pytest.mark.parametrize(
    "names",
    [
        "names.txt",
        ["cat"],
        ["cat", "dog", "cow"],
        ["cat", ""],
        ["cat", 3],
        [],
        Unreadable("a", "b"),
    ],
)
def test_classes_that_cannot_be_used(names: Any) -> None:
    found, account = _classes({"classes": names})
    assert found is None and len(account.conflicts) == 1


def test_a_class_that_is_there_twice_gets_a_number() -> None:
    found, account = _classes({"classes": ["cat", "cat"]})
    assert found == ("cat", "cat (2)") and not account.conflicts


def test_two_lists_of_classes() -> None:
    found, account = _classes({"classes": ["dog", "cat"], "data": {"train": {"classes": _NAMES}}})
    assert found == ("cat", "dog")  # the data set that was trained on counts
    assert len(account.conflicts) == 1


def test_no_classes() -> None:
    assert _classes({"data": {"train": {"type": "CocoDataset"}}})[0] is None


def test_steps_within_steps() -> None:
    steps = [{"type": "A", "transforms": [{"type": "B"}, {"type": "C"}]}, {"type": "D"}]
    account = Account({"data": {"train": {"pipeline": steps}}}, _BASE)
    assert [kind for _, kind in pipeline(account, test=False)] == ["A", "B", "C", "D"]
    assert list(pipeline(account, test=True)) == []


def test_limits() -> None:
    assert as_limits((800, 1333)) == (1333, 800)
    assert as_limits((0.5, 1)) is as_limits([1]) is as_limits(None) is as_limits("ab") is None
