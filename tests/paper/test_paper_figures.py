"""Figures are of the model that runs, and can be read: another model, no figure."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from relook.config.cascades import DSCConfig
from relook.config.presets import preset
from relook.structures.rules.guidance import GuidanceRule

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from paper import (  # noqa: E402
    block_figures,
    cascade_figures,
    frame_figures,
    pyramid_figures,
    sampling_figures,
)
from paper.equation import Disagreement  # noqa: E402
from paper.sketch import WIDTH, Drawn, Sketch  # noqa: E402
from paper.tracing import Tracer  # noqa: E402

RFP = preset("detectors-htc-tiny")
HTC = preset("htc-tiny")
DSC = preset("fast-dsc-tiny")
FIGURES: dict[str, tuple[Callable[[Any], Drawn], Any]] = {
    "feature pyramid": (pyramid_figures.feature_pyramid, HTC),
    "recursive": (pyramid_figures.recursive, RFP),
    "unrolled": (pyramid_figures.unrolled, RFP),
    "stage entry": (block_figures.stage_entry, RFP),
    "fusion": (block_figures.fusion, RFP),
    "connector": (block_figures.connector, RFP),
    "SAC": (block_figures.sac_block, RFP),
    "HTC": (cascade_figures.htc, HTC),
    "DSC": (cascade_figures.dsc, DSC),
}


def words(drawn: Drawn) -> list[str]:
    """What is written in a picture, which is well-formed, with its edges in words."""
    root = ET.fromstring(drawn.svg)
    return ["".join(one.itertext()) for one in root.iter() if one.tag.endswith(("text", "desc"))]


def test_edges_are_what_fed_what() -> None:
    first, second = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
    x, y = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    with Tracer({"AddBackward0": "+"}) as tracer:
        tracer.watch(first, "first")
        tracer.watch(second, "second")
        tracer.given("x", x)
        tracer.given("y", y)
        out = tracer.result("out", second(first(x).relu()) + y * 2)
    (total,) = out.sources
    assert total.name == "+"
    assert {one.name for one in total.sources} == {"second", "y"}
    by_name = {one.name: one for one in tracer.nodes}
    assert [one.name for one in by_name["second"].sources] == ["first"]
    assert [one.name for one in by_name["first"].sources] == ["x"]


def test_a_tracer_leaves_nothing_behind() -> None:
    layer = nn.Conv2d(1, 1, 1)
    with Tracer() as tracer:
        tracer.watch(layer, "layer")
        tracer.watch_call(layer, "extra_repr", "told")
    layer(torch.zeros(1, 1, 2, 2))
    assert tracer.nodes == []
    assert "extra_repr" not in vars(layer)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_can_be_read_on_a_phone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sketches: list[Sketch] = []
    drawn_before = Sketch.drawn

    def kept(sketch: Sketch, caption: str) -> Drawn:
        sketches.append(sketch)
        return drawn_before(sketch, caption)

    monkeypatch.setattr(Sketch, "drawn", kept)
    draw, config = FIGURES[name]
    drawn = draw(config)
    (sketch,) = sketches
    assert sketch.faults() == []
    assert words(drawn)[0] and drawn.caption
    assert f'viewBox="0 0 {WIDTH} ' in drawn.svg


def test_faults_are_seen() -> None:
    sketch = Sketch("wrong", 100)
    sketch.box("a", 40, 20, "a")
    sketch.box("b", 40, 60, "a label that is far too long")
    sketch.box("c", 40, 100, "c")
    sketch.box("d", 340, 20, "d")
    sketch.edge("a", "c")
    sketch.edge("a", "d", "rl", (200, 40))
    told = " ".join(sketch.faults())
    for fault in (
        "wider than b",
        "a to c runs through b",
        "c is below",
        "d leaves",
        "right angles",
    ):
        assert fault in told


def test_lines_that_lie_on_each_other_are_seen() -> None:
    sketch = Sketch("wrong", 200)
    for name, x, y in (("a", 60, 20), ("b", 60, 180), ("c", 180, 20), ("d", 180, 180)):
        sketch.box(name, x, y, name)
    sketch.edge("a", "b", "bt", (60, 100), (60, 120))
    sketch.edge("c", "d", "bt", (180, 60), (60, 60), (60, 90), (180, 90))
    assert any("a-b lies on c-d" in fault for fault in sketch.faults())


def test_a_figure_of_another_model_is_refused() -> None:
    """What is drawn is compared with the run: one edge too much, and one that is not there."""
    with pytest.raises(Disagreement, match="only in the run"):
        pyramid_figures.feature_pyramid(RFP)
    with pytest.raises(Disagreement):
        cascade_figures.dsc(DSC.with_(cascade__guidance__explicit=False))
    with pytest.raises(Disagreement):
        cascade_figures.htc(HTC.with_(cascade__hybrid__mask_flow=False))
    with pytest.raises(ValueError, match="two looks"):
        pyramid_figures.unrolled(RFP.with_(pyramid__steps=3))
    with pytest.raises(ValueError, match="deformable SAC"):
        block_figures.sac_block(RFP.with_(backbone__sac__context=False))


def test_feedback_enters_the_stages_of_the_configuration() -> None:
    config = RFP.with_(pyramid__feedback_stages=(False, False, True, False))
    told = words(pyramid_figures.unrolled(config))[0]
    assert "R₄ feeds x₄²" in told
    assert "R₃" not in told
    assert "are shown features: 3." in block_figures.stage_entry(config).caption


def test_without_fusion_nothing_is_gated() -> None:
    assert "α" not in words(pyramid_figures.unrolled(RFP.with_(pyramid__fusion="none")))
    assert "α" in words(pyramid_figures.unrolled(RFP))


def test_rates_are_those_of_the_configuration() -> None:
    assert "rate 3" in words(block_figures.sac_block(RFP))
    assert "rate 2" in words(block_figures.sac_block(RFP.with_(backbone__sac__rate=2)))
    assert {"rate 3", "rate 6"} <= set(words(block_figures.connector(RFP)))


@pytest.mark.parametrize("rate", [1, 2, 3, 4])
def test_sampling_grids_are_nine_cells_so_far_apart(rate: int) -> None:
    rows, columns = sampling_figures.seen_cells(rate).nonzero().unbind(1)
    assert len(rows) == 9
    for places in (rows, columns):
        assert places.unique().tolist() == [5 - rate, 5, 5 + rate]
    assert re.search(r'viewBox="0 0 360 ', sampling_figures.grids((1, 2, rate)).svg)


def test_frames_have_the_ratios_of_the_configuration() -> None:
    default = frame_figures.geometry(DSCConfig())
    other = frame_figures.geometry(DSCConfig(guidance=GuidanceRule(enlarge_ratios=(4.0, 2.0, 1.0))))
    assert "frame 0: ×2" in words(default)
    assert "frame 0: ×4" in words(other) and "4, 2, 1 times" in other.caption
    assert words(default)[0] != words(other)[0]
