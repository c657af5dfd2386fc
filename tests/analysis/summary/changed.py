"""Models that no preset is, one for each way in which a configuration can differ."""

from __future__ import annotations

from dataclasses import replace

from relook import preset
from relook.config.model import ModelConfig
from relook.config.parts import Part

CHANGED: dict[str, ModelConfig] = {
    "a kind": preset("htc-r50").with_(cascade={"kind": "dsc", "guidance": {"side": 7}}),
    "stages": preset("htc-tiny").with_(
        cascade__stages=(replace(preset("htc-tiny").cascade.stages[0], iou=0.45),)
    ),
    "text": preset("detectors-htc-tiny").with_(
        parts__connector=Part(target="a.b:C", args={"text": 'say "so"', "list": [1, 2.5, None]}),
        parts__fusion=Part(target="a.b:D"),
    ),
    "off": preset("detectors-htc-r50").with_(semantic=None, backbone__sac__rate=5),
    "on": preset("htc-r50").with_(
        backbone__weight_standardisation=True, backbone__sac={}, stuff={"groups": 16}
    ),
    "small numbers": preset("dsc-tiny").with_(cascade__select__score_threshold=1e-7),
}
