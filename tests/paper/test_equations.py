"""Equations hold, a wrong one is found, and formulas and lines are what they are said to be."""

from __future__ import annotations

import math
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from relook.layers.aspp import ASPP
from relook.layers.sac import AWSConv2d, SAConv2d
from relook.models.cascades import dsc, guidance
from relook.models.heads.mask import MaskHead
from relook.models.pyramids.fpn import FPN
from relook.models.pyramids.rfp import GatedFusion, RecursiveFeaturePyramid
from relook.ops import boxes
from relook.ops.guided_roi_align import pool_pyramid

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from paper import detectors_equations, dsc_equations, loops  # noqa: E402
from paper.equation import Disagreement, Equation, run, shown  # noqa: E402
from paper.maths import formula  # noqa: E402
from paper.source import Lines  # noqa: E402

EQUATIONS = {one.title: one for one in (*detectors_equations.EQUATIONS, *dsc_equations.EQUATIONS)}


@pytest.mark.parametrize("one", EQUATIONS.values(), ids=list(EQUATIONS))
def test_the_code_is_the_equation(one: Equation) -> None:
    checked = run(one)
    assert 0 <= checked.difference <= one.tolerance
    words = f"{checked.difference:.1e}" if checked.difference else "none"
    words = words.replace("-", "\N{NON-BREAKING HYPHEN}")
    assert f"Largest difference: {words}." in shown(one, checked)


def _more(function: Any) -> Any:
    """`function` with results a thousandth larger."""

    def changed(*given: Any, **by_name: Any) -> Any:
        out = function(*given, **by_name)
        return [x * 1.001 for x in out] if isinstance(out, list) else out * 1.001

    return changed


WRONG = {
    "Feature pyramid": (FPN, "forward", _more(FPN.forward)),
    "Recursive feature pyramid, and the same unrolled": (
        RecursiveFeaturePyramid, "_blended", lambda _self, new, _old: new
    ),
    "ASPP, the connector": (ASPP, "forward", _more(ASPP.forward)),
    "Fusion of a look with the one before": (
        GatedFusion, "blend", lambda _self, new, old: (new + old) / 2
    ),
    "Weight standardisation": (AWSConv2d, "standardised", lambda self: self.weight),
    "Switchable atrous convolution": (SAConv2d, "far_kernel", lambda _self, near: near),
    "Refinement of boxes in the cascade": (boxes, "decode", _more(boxes.decode)),
    "Mask information flow": (MaskHead, "features", _more(MaskHead.features)),
    "Masks, and the features behind them": (guidance, "align_inside", lambda seen, *_: seen),
    "Boxes that are guided by masks": (
        dsc, "pool_guided", lambda *given: pool_pyramid(*given[:4])
    ),
    "Losses of DSC": (
        dsc.ShapeGuidedCascade, "_guide_loss", _more(dsc.ShapeGuidedCascade._guide_loss)
    ),
}  # fmt: skip


@pytest.mark.parametrize("title", WRONG)
def test_code_that_leaves_its_equation_is_found(title: str) -> None:
    owner, name, changed = WRONG[title]
    with mock.patch.object(owner, name, changed), pytest.raises(Disagreement, match="differ by"):
        run(EQUATIONS[title])


def test_a_difference_that_is_no_number_is_a_disagreement() -> None:
    one = replace(EQUATIONS["The switch"], check=lambda: math.nan)
    with pytest.raises(Disagreement, match="nan"):
        run(one)
    assert math.isnan(loops.difference([[1.0], [math.nan]], [[1.0], [2.0]]))


def test_checks_draw_the_same_numbers_and_leave_the_others_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = (run(EQUATIONS["The switch"]).difference for _ in range(2))
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)


def test_a_formula_is_mathml() -> None:
    tree = ET.fromstring(formula('x_i^t = {a + 1}//{√{b}} < "words"'))
    assert tree.tag == "math" and tree.attrib["display"] == "block"
    tags = [element.tag for element in tree.iter()]
    for tag in ("msubsup", "mfrac", "msqrt", "mtext"):
        assert tags.count(tag) == 1
    (script,) = tree.iter("msubsup")
    assert [part.text for part in script] == ["x", "i", "t"]


def test_lines_of_a_formula_stand_below_each_other() -> None:
    tree = ET.fromstring(formula('y = "max"(a,\n b)'))
    rows = ["".join(row.itertext()) for row in tree.iter("mtr")]
    assert rows == ["y=max(a,", "b)"]
    assert tree.attrib["aria-label"].split() == ["y", "=", "max(a,", "b)"]
    assert [len(list(row.iter("mspace"))) for row in tree.iter("mtr")] == [0, 1]


@pytest.mark.parametrize("text", ["x_", "{x", "x }", "//2", "{x\n}"])
def test_a_formula_with_a_hole_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"where|ended"):
        formula(text)


def test_lines_are_those_of_the_file() -> None:
    found = Lines(
        "relook.layers.sac:SAConv2d._mixed", "stride, rates = (", "gates = gates_of"
    ).read()
    lines = (ROOT / found.path).read_text().splitlines()
    shown_lines = found.text.splitlines()
    assert [line.strip() for line in shown_lines] == [
        line.strip() for line in lines[found.line - 1 : found.line - 1 + len(shown_lines)]
    ]
    assert shown_lines[0].startswith("stride, rates = (") and "gates_of" in shown_lines[-1]


@pytest.mark.parametrize("one", EQUATIONS.values(), ids=list(EQUATIONS))
def test_every_excerpt_stands_where_it_says(one: Equation) -> None:
    for lines in one.lines:
        found = lines.read()
        assert found.path.startswith("src/relook/")
        there = (ROOT / found.path).read_text().splitlines()[found.line - 1]
        assert there.strip() == found.text.splitlines()[0].strip()


def test_a_whole_function_comes_without_its_docstring() -> None:
    found = Lines("relook.ops.frames:enlarge").read()
    assert found.text.startswith(
        "def enlarge(boxes: Tensor, ratio: float) -> Tensor:\n    if ratio"
    )
    assert '"""' not in found.text
    source = (ROOT / found.path).read_text().splitlines()
    assert source[found.line - 1].startswith("def enlarge")


@pytest.mark.parametrize(
    "lines",
    [
        Lines("relook.ops.frames:no_such_name"),
        Lines("relook.ops.frames:enlarge", "no such words"),
        Lines("relook.ops.frames:enlarge", "boxes"),  # in several lines
        Lines("relook.ops.frames:enlarge", "centre, half", "no such words"),
    ],
)
def test_lines_that_are_gone_are_an_error(lines: Lines) -> None:
    with pytest.raises(LookupError):
        lines.read()
