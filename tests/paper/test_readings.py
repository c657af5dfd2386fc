"""Readings of the papers: their switches and tests exist, and what they claim is so."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from relook.config.parts import Part
from relook.config.plugins import allowing
from relook.config.presets import preset
from relook.models.build import build_detector
from relook.models.pyramids.rfp import RecursiveFeaturePyramid

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from paper import readings  # noqa: E402
from paper.other_readings import NeckPerLook, ResidualFusion  # noqa: E402
from paper.reading import Reading, Switch, Unfounded, named_tests, verify  # noqa: E402


@pytest.mark.parametrize("one", readings.READINGS, ids=lambda one: one.question[:40])
def test_switches_and_tests_exist(one: Reading) -> None:
    verify(one)


def test_a_switch_that_changes_nothing_or_a_test_that_is_gone_is_found() -> None:
    good = readings.READINGS[0]
    with pytest.raises(Unfounded, match="changes nothing"):
        verify(replace(good, switch=Switch("detectors-htc-r50", ("backbone.sac.switch=single",))))
    with pytest.raises(Unfounded, match=r"no test tests/layers/test_sac\.py::test_nothing"):
        verify(replace(good, tests=("tests/layers/test_sac.py::test_nothing",)))
    assert named_tests("tests/no/such/file.py") == set()


def test_a_residual_fusion() -> None:
    config = preset("htc-tiny-rfp").with_(parts__fusion=Part.of(ResidualFusion))
    with allowing(["paper"]):
        features = build_detector(config).eval().features
    assert isinstance(features, RecursiveFeaturePyramid)
    x = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        first, second = (features.fpn(look(x)) for look in features.looks())
        found = features(x)
    for level, a, b in zip(found, first, second, strict=True):
        torch.testing.assert_close(level, a + b)  # a fresh second look is the first again


def test_a_neck_for_each_look() -> None:
    part = Part.of(NeckPerLook, looks=2)
    features = build_detector(preset("htc-tiny-rfp").with_(parts__neck=part)).eval().features
    assert isinstance(features, RecursiveFeaturePyramid)
    x = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        before, again = features(x), features(x)
        features.fpn.necks[1].outputs[0].bias += 1.0
        after = features(x)
    assert all(torch.equal(a, b) for a, b in zip(before, again, strict=True))
    # The gate starts at one half, and the feedback at nothing.
    torch.testing.assert_close(after[0], before[0] + 0.5)
    torch.testing.assert_close(after[1], before[1])


def test_one_neck_and_one_connector_for_all_looks() -> None:
    config = preset("htc-tiny-rfp").with_(pyramid__steps=3)
    features = build_detector(config).features
    calls = {"fpn": 0, "connector": 0}

    def count(name: str) -> None:
        getattr(features, name).register_forward_hook(
            lambda *_: calls.update({name: calls[name] + 1})
        )

    count("fpn")
    count("connector")
    features(torch.zeros(1, 3, 96, 96))
    assert calls == {"fpn": 3, "connector": 2 * 3}  # three stages are shown features, twice


def test_looking_twice_is_more_arithmetic_than_the_paper_says() -> None:
    assert readings.work_of_looking_twice() > 1.3 > 4.3 / 3.9
