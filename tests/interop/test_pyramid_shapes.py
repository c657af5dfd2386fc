"""Pyramids read from names and shapes."""

from __future__ import annotations

import pytest
from theirs import narrow_shapes

from relook.errors import ModelError
from relook.interop.pyramid_shapes import read_norm, read_pyramid
from relook.interop.shapes import Findings, Shapes
from relook.structures.rules.norms import NO_NORM, NormRule


def test_a_plain_pyramid() -> None:
    assert read_pyramid(Shapes(narrow_shapes()), Findings()) == (NO_NORM, 1)


@pytest.mark.parametrize(
    ("name", "rule"), [("gn", NormRule("group", 32)), ("bn", NormRule("batch")), ("x", NO_NORM)]
)
def test_norms_have_their_names(name: str, rule: NormRule) -> None:
    shapes = Shapes(narrow_shapes() | {f"neck.lateral_convs.0.{name}.weight": (32,)})
    assert read_norm(shapes, "neck.lateral_convs.0") == rule
    say = Findings()
    assert read_pyramid(shapes, say)[0] == rule
    assert bool(say.reasons) == (rule != NO_NORM)


def test_other_pyramids_are_refused() -> None:
    for key in ("neck.lateral_convs.4.conv.weight", "neck.fpn_convs.4.conv.weight"):
        with pytest.raises(ModelError, match="four of each"):
            read_pyramid(Shapes(narrow_shapes() | {key: (1,)}), Findings())
    nine = Shapes(narrow_shapes() | {"rpn_head.rpn_cls.weight": (9, 32, 1, 1)})
    with pytest.raises(ModelError, match="have 9 scores"):
        read_pyramid(nine, Findings())
