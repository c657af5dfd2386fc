"""Which fields differ, and which preset is nearest."""

from __future__ import annotations

import pytest

from relook import overlay, preset
from relook.analysis.summary.differences import additions, changes, leaves, nearest, plain, relative
from relook.config.cascades import DSCConfig
from relook.config.model import SACConfig
from relook.config.presets import PRESETS
from relook.structures.rules.guidance import GuidanceRule


def test_changes_are_the_smallest_that_make_the_other() -> None:
    one, other = preset("htc-r50"), preset("detectors-htc-r50")
    found = changes(one, other)
    assert found == {
        "backbone": {"weight_standardisation": True, "sac": SACConfig()},
        "pyramid": {"steps": 2},
    }
    assert [path for path, _ in leaves(found)] == [
        ("backbone", "weight_standardisation"),
        ("backbone", "sac"),
        ("pyramid", "steps"),
    ]
    assert overlay(one, plain(found)) == other
    assert changes(one, one) == {}


def test_another_kind_is_whole_and_plain_without_its_defaults() -> None:
    found = changes(preset("htc-r50"), preset("fast-dsc-r50"))
    assert found["cascade"] == DSCConfig(guidance=GuidanceRule(side=7))
    assert plain(found)["cascade"] == {"kind": "dsc", "guidance": {"side": 7}}


def test_nearest_is_the_one_with_the_fewest_changes() -> None:
    for name, one in PRESETS.items():
        assert nearest(one.config) == name
        assert nearest(one.config.with_(num_classes=7)) == name
    with pytest.raises(ValueError, match="empty"):
        nearest(preset("htc-r50"), [])


def test_relatives_stand_before_and_are_plainer() -> None:
    names = list(PRESETS)
    assert relative(names[0]) is None
    for name in names[1:]:
        found = relative(name)
        assert found is not None and names.index(found) < names.index(name)
        assert "SAC" not in additions(preset(name), preset(found))
    assert relative("detectors-htc-r101") == "htc-r101"
    assert relative("detectors-dsc-r50") == "dsc-r50"
