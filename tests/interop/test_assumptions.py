"""Lines on settings that a file does not have."""

from __future__ import annotations

from relook.config.presets import preset
from relook.interop.assumptions import assumptions


def test_what_a_configuration_has_is_not_assumed() -> None:
    config = preset("htc-r50")
    lines = list(assumptions(config, None))
    assert lines[0].startswith("score threshold 0.001, suppression nms at 0.5, low-quality")
    assert "1333 x 800" in lines[1] and lines[2].startswith("the semantic feature")
    stated = {"cascade.select.score_threshold", "cascade.select.nms_iou", "input.size"}
    lines = list(assumptions(config, "htc-r50", stated))
    assert lines[0] == "low-quality matches on: preset htc-r50"
    assert lines[1] == "anchors of scale 8, mean and deviation of pixels: preset htc-r50"


def test_models_have_their_own_lines() -> None:
    assert "SAC's second rate, 3" in " ".join(assumptions(preset("detectors-htc-r50"), None))
    guided = " ".join(assumptions(preset("dsc-r50"), None))
    assert "guidance frames are 2, 1.59, 1.26 times the box" in guided
