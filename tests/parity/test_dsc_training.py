"""Fast DSC against its authors' code: stages, predictions, and a step of training on two images.

Every recorded number is compared, and one that no check asks for is a failure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from relook.ops.boxes import unscale
from relook.ops.masks import paste_mask

from . import golden
from . import recorded_formula as formula
from .recorded_network import IMAGES, LAST_HEAD, RECORDED, network, passed, proposals, stages
from .recorded_step import training

# About five times what was measured (README.md). Maps, logits and deltas are compared over the
# deviation of what was recorded, losses over their sum, entries of gradients over their usual size.
MAP = 8e-5
PIXELS = 1e-3
SCORE = 3e-5
LOSS = 1e-5
NORM = 1e-3
ENTRY = 2e-2
ACCURACY = 0.1  # in percent: one of 1024 RoIs
MASK_PIXELS, MASK_SHARE = 5, 0.001  # of the pixels of a mask, what may be in one of two only

STAGES = ("backbone", "neck", "rpn/cls", "rpn/reg", "semantic", "fixed", "chain")
OF_DETECTIONS = (
    *("bboxes", "scores", "labels", "roi_inds"),
    *("masks_shape", "masks_packed", "masks_area"),
)
# What was kept of all entries of a large tensor.
STATISTICS: tuple[Callable[[NDArray[np.float64]], float], ...] = (
    np.mean,
    np.std,
    lambda x: np.abs(x).mean(),
    np.min,
    np.max,
)


def _keys(*places: str) -> set[str]:
    """What was recorded there; a large tensor has several parts and one key."""
    keys = {key.partition("|")[0] for key in RECORDED}
    return {key for key in keys if any(key.startswith(f"{place}/") for place in places)}


def _difference(key: str, ours: Tensor, rows: Tensor | None = None) -> float:
    """The largest one from what was recorded; `ours` are `rows` of it, or all."""
    values = ours.detach().double().numpy()
    assert np.isfinite(values).all(), key
    at = ... if rows is None else rows.numpy()
    if key in RECORDED:
        wanted = RECORDED[key][at].astype(np.float64)
        assert values.shape == wanted.shape, key
        return float(np.abs(values - wanted).max(initial=0))
    whole = np.full(tuple(RECORDED[f"{key}|shape"]), np.nan)
    assert values.shape == whole[at].shape, key
    whole[at] = values
    kept = whole.flat[formula.kept_entries(key, whole.size)]
    worst = float(np.nanmax(np.abs(kept - RECORDED[f"{key}|vals"])))
    if rows is not None:
        return worst
    statistics = np.array([of(values) for of in STATISTICS])
    return max(worst, float(np.abs(statistics - RECORDED[f"{key}|stats"]).max()))


def _deviation(key: str) -> float:
    return float(RECORDED[key].std() if key in RECORDED else RECORDED[f"{key}|stats"][1])


def _assert_within(tolerance: float, differences: Mapping[str, float]) -> None:
    assert differences
    assert not {key: value for key, value in differences.items() if not value <= tolerance}


def test_every_number_has_a_check() -> None:
    checked = {"meta", "rpn/proposals", *_keys(*STAGES), *_keys("train")}
    for image in IMAGES:
        keys = _keys(f"det/{image}")
        names = {key.removeprefix(f"det/{image}/") for key in keys}
        assert names == {"proposals", *LAST_HEAD, *OF_DETECTIONS}
        checked |= keys
    assert {key.partition("|")[0] for key in RECORDED} == checked


def test_stages() -> None:
    found = stages()
    assert found.keys() == _keys(*STAGES)
    boxes = {key for key in found if key.endswith("rois")}
    _assert_within(PIXELS, {key: _difference(key, found[key]) for key in boxes})
    maps = found.keys() - boxes
    _assert_within(MAP, {key: _difference(key, found[key]) / _deviation(key) for key in maps})


def test_proposals() -> None:
    found = proposals(network().rpn.test_rule)
    keys = {f"det/{image}/proposals": image for image in IMAGES} | {"rpn/proposals": "single"}
    for key, image in keys.items():
        boxes, scores = found[image]
        wanted = torch.from_numpy(RECORDED[key])
        near = torch.cdist(wanted[:, :4], boxes, p=math.inf).argmin(1)  # equal scores: any order
        assert len(boxes) == len(wanted) == len(near.unique())
        golden.assert_close(boxes[near], wanted[:, :4], 0, PIXELS)
        golden.assert_close(scores[near], wanted[:, 4], 0, SCORE)


@pytest.mark.parametrize("image", IMAGES)
def test_detections(image: str) -> None:
    rows, last, boxes, scores, found = passed(image)
    prefix = f"det/{image}/"
    some = None if image == "single" else rows
    assert last.keys() == set(LAST_HEAD)
    for name, values in last.items():
        scale = 1 if name == "all_rois" else _deviation(prefix + name)
        worst = _difference(prefix + name, values, some) / scale
        _assert_within(PIXELS if name == "all_rois" else MAP, {name: worst})

    wanted, wanted_scores, labels, sources = (
        torch.from_numpy(RECORDED[prefix + name])
        for name in ("bboxes", "scores", "labels", "roi_inds")
    )
    apart = torch.cdist(wanted, found.boxes, p=math.inf)
    apart[labels[:, None] != found.labels] = math.inf
    near = apart.argmin(1)
    assert len(found) == len(wanted) == len(near.unique())
    source = torch.searchsorted(rows, sources)
    in_original = unscale(boxes[source], formula.images(image).scales[0])
    for own_boxes, own_scores in (
        (found.boxes[near], found.scores[near]),
        (in_original, scores[source, labels]),
    ):
        golden.assert_close(own_boxes, wanted, 0, PIXELS)
        golden.assert_close(own_scores, wanted_scores, 0, SCORE)
    assert found.mask_probabilities is not None
    pairs = zip(found.mask_probabilities[near], found.boxes[near], _masks(prefix), strict=True)
    for mask, box, recorded in pairs:
        own = paste_mask(mask, box, found.size).numpy().astype(bool)
        assert (own ^ recorded).sum() <= MASK_PIXELS + MASK_SHARE * recorded.sum()


def _masks(prefix: str) -> NDArray[np.bool_]:
    shape = tuple(int(n) for n in RECORDED[f"{prefix}masks_shape"])
    bits = np.unpackbits(RECORDED[f"{prefix}masks_packed"], axis=1)[:, : shape[1] * shape[2]]
    masks = bits.reshape(shape).astype(bool)
    assert (masks.sum((1, 2)) == RECORDED[f"{prefix}masks_area"]).all()
    return masks


@pytest.mark.slow
def test_a_step_of_training() -> None:
    found = training()
    assert {*found, "train/grad_names"} == _keys("train")
    for key in _keys("train/sampler"):
        assert found[key].tolist() == RECORDED[key].tolist(), key
    accuracies = {key for key in found if key.endswith(".acc")}
    _assert_within(ACCURACY, {key: _difference(key, found[key]) for key in accuracies})
    losses = {"train/total", *_keys("train/loss")} - accuracies
    sums = {key: np.abs(RECORDED[key]).sum() for key in losses}
    _assert_within(LOSS, {key: _difference(key, found[key]) / sums[key] for key in losses})

    names, norms = RECORDED["train/grad_names"].tolist(), RECORDED["train/grad_norms"]
    off = np.abs(found["train/grad_norms"].numpy() - norms) / norms
    _assert_within(NORM, dict(zip(names, off, strict=True)))
    shapes = golden.shapes("dsc_r50")
    usual = norms / np.sqrt([math.prod(shapes[name]) for name in names])
    entries = found["train/grad_samples4"].numpy() - RECORDED["train/grad_samples4"]
    _assert_within(ENTRY, dict(zip(names, np.abs(entries).max(1) / usual, strict=True)))
    assert found["train/requires_grad_but_none"].shape == (0,)
