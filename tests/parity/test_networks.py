"""Whole networks against the reference, number by number.

Weights and input are formulas, so every recorded value (features of both looks, RPN, heads,
proposals, detections, losses) must come out; a recorded key without a check is a failure. What
prediction computes must come out of the folded network too.
"""

from __future__ import annotations

import functools
import gc

import formula
import golden
import pytest
import torch
from networks import CHECKS, NETWORKS, Run, recorded_options

from relook.config.presets import preset
from relook.interop.mmdet import convert
from relook.models.build import build_detector
from relook.models.folding import fold


@functools.lru_cache(maxsize=1)
def run(name: str) -> Run:
    """The network called `name`, loaded with the formula weights under the reference's names."""
    gc.collect()
    with torch.device("meta"):
        detector = build_detector(recorded_options(preset(NETWORKS[name])))
    state = convert(formula.weights(golden.shapes(name)))
    detector.load_state_dict(state, strict=True, assign=True)
    detector.requires_grad_(False)
    return Run(detector.eval())


@functools.lru_cache(maxsize=1)
def folded_run(name: str) -> Run:
    """The same network, folded."""
    return Run(fold(run(name).detector))


NOT_FOR_PREDICTION = ("n_keys", "losses_exhaustive_sampling")


@pytest.mark.parametrize(
    ("name", "folded", "key"),
    [
        (name, folded, key)
        for name in NETWORKS
        for folded in ((False, True) if name.startswith("detectors") else (False,))
        for key in golden.read(name)
        if not (folded and key in NOT_FOR_PREDICTION)
    ],
)
def test_recorded_value(name: str, folded: bool, key: str) -> None:
    CHECKS[key]((folded_run if folded else run)(name), golden.read(name)[key])


def test_every_recording_is_used() -> None:
    files = {path.stem for path in golden.FOLDER.glob("*.json")}
    # One file of tests each for the first three.
    assert files == {"units", "dsc", "mask_rcnn_r18", *NETWORKS}
    arrays = {path.stem for path in golden.FOLDER.glob("*.npz")}
    assert arrays == {"fast_dsc_training"}  # and one for these
