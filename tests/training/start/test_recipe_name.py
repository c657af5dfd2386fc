"""The preset whose recipe suits trained weights."""

from __future__ import annotations

import pytest

from relook.config.presets import preset
from relook.data.coco.category import Category
from relook.training.start.recipe_name import recipe_name
from relook.weights.header import Header


@pytest.mark.parametrize(
    ("name", "changes", "extra", "expected"),
    [
        ("htc-tiny", {}, {"preset": "detectors-htc-tiny"}, "detectors-htc-tiny"),
        ("htc-tiny", {}, {"preset": "of another version"}, "htc-tiny"),
        ("dsc-tiny", {"pyramid__channels": 40}, {}, "dsc-r50"),
        ("htc-tiny", {"pyramid__channels": 40}, {}, "htc-r50"),
        ("cascade-mask-r50", {"pyramid__channels": 40}, {}, "cascade-mask-r50"),
        ("detectors-cascade-tiny", {"pyramid__channels": 40}, {}, "cascade-r50"),
    ],
)
def test_as_trained_or_by_structure_or_by_its_heads(
    name: str, changes: dict[str, int], extra: dict[str, str], expected: str
) -> None:
    config = preset(name).with_(**changes)
    assert recipe_name(Header(config, (Category(1, "nut"),), dict(extra), ())) == expected
