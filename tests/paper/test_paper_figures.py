"""Figures are of the model that runs: another model, another figure."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch
from torch import nn

from relook.config.cascades import DSCConfig
from relook.config.presets import preset
from relook.structures.rules.guidance import GuidanceRule

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from paper import block_figures, dsc_figures, pyramid_figures, sampling_figures  # noqa: E402
from paper.drawing import Drawn, by_layers  # noqa: E402
from paper.tracing import Tracer  # noqa: E402

RFP = preset("detectors-htc-tiny")
DSC = preset("fast-dsc-tiny")


def words(drawn: Drawn) -> list[str]:
    """What is written in a picture, which is well-formed, with its title and edges in words."""
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
    places = by_layers(tracer.nodes)
    assert len(set(places.values())) == len(places)
    assert places[by_name["x"]][0] < places[by_name["first"]][0] < places[total][0]


def test_a_tracer_leaves_nothing_behind() -> None:
    layer = nn.Conv2d(1, 1, 1)
    with Tracer() as tracer:
        tracer.watch(layer, "layer")
        tracer.watch_call(layer, "extra_repr", "told")
    layer(torch.zeros(1, 1, 2, 2))
    assert tracer.nodes == []
    assert "extra_repr" not in vars(layer)


def test_looks_are_columns() -> None:
    widths = []
    for steps in (1, 2, 3):
        drawn = pyramid_figures.unrolled(RFP.with_(pyramid__steps=steps), "RFP")
        assert words(drawn).count("stage 1") == steps
        assert words(drawn).count("connector") == 3 * (steps - 1)
        width = re.search(r'viewBox="0 0 (\d+)', drawn.svg)
        assert width is not None
        widths.append(int(width[1]))
    assert widths[0] < widths[1] < widths[2]


def test_feedback_enters_the_stages_of_the_configuration() -> None:
    config = RFP.with_(pyramid__feedback_stages=(False, False, True, False))
    edges = words(pyramid_figures.unrolled(config, "RFP"))[0]
    assert edges.count("connector feeds stage 3") == 1
    assert "connector feeds stage 2" not in edges
    assert "Stages that are shown features: 3." in block_figures.stage_entry(config).caption


def test_the_recursion_is_one_look_with_a_loop() -> None:
    shown = words(pyramid_figures.recursive(RFP.with_(pyramid__steps=3), "RFP"))
    assert shown.count("stage 1") == 1
    assert "connector feeds stage 2" in shown[0]


def test_without_fusion_nothing_is_gated() -> None:
    plain = RFP.with_(pyramid__fusion="none")
    assert "gate" not in words(pyramid_figures.unrolled(plain, "RFP"))
    assert "gate" in words(pyramid_figures.unrolled(RFP, "RFP"))


def test_blocks_are_drawn_to_their_last_operation() -> None:
    fusion = words(block_figures.fusion(RFP))
    assert {"new", "old", "σ", "×", "+", "1 −", "out"} <= set(fusion)
    entry = words(block_figures.stage_entry(RFP))[0]
    assert "feedback 1×1 feeds +" in entry
    assert "ReLU feeds out" in entry
    aspp = words(block_figures.connector(RFP))
    assert {"3×3, rate 3", "3×3, rate 6", "join", "mean"} <= {one.strip() for one in aspp}


def test_sac_has_the_switches_of_the_configuration() -> None:
    default = words(block_figures.sac_block(RFP, 4))
    assert {"bent, rate 1", "bent, rate 3", "pre-context", "switch S"} <= set(default)
    assert {"standardise w feeds +", "Δw feeds +"} <= set(default[0].split("; "))
    other = RFP.with_(
        backbone__sac__deformable=False,
        backbone__sac__rate=2,
        backbone__sac__context=False,
        backbone__sac__switch="sigmoid",
    )
    changed = words(block_figures.sac_block(other, 4))
    assert {"conv, rate 1", "conv, rate 2", "σ"} <= set(changed)
    assert not {"pre-context", "bent, rate 1", "offsets"} & set(changed)


@pytest.mark.parametrize("rate", [1, 2, 3, 4])
def test_sampling_grids_are_nine_cells_so_far_apart(rate: int) -> None:
    rows, columns = sampling_figures.seen_cells(rate).nonzero().unbind(1)
    assert len(rows) == 9
    for places in (rows, columns):
        assert places.unique().tolist() == [5 - rate, 5, 5 + rate]


def test_the_framework_has_the_iterations_of_the_cascade() -> None:
    assert isinstance(DSC.cascade, DSCConfig)
    drawn = dsc_figures.framework(DSC)
    assert drawn.caption.startswith("3 iterations")
    three = words(drawn)
    assert [one for one in three if one.startswith("enlarge")] == [
        "enlarge ×2", "enlarge ×1.59", "enlarge ×1.26"
    ]  # fmt: skip
    assert "m0 mask feeds SgRoIAlign" in three[0]
    assert "m2 features feeds align" in three[0]
    assert "align feeds m3 features" in three[0]
    two = DSC.with_(
        cascade__stages=DSC.cascade.stages[:2], cascade__guidance__enlarge_ratios=(3.0, 1.5)
    )
    assert dsc_figures.framework(two).caption.startswith("2 iterations")
    shown = words(dsc_figures.framework(two))
    assert [one for one in shown if one.startswith("enlarge")] == ["enlarge ×3", "enlarge ×1.5"]
    assert "b3" not in shown


def test_explicit_guidance_is_seen() -> None:
    plain = words(dsc_figures.framework(DSC.with_(cascade__guidance__explicit=False)))
    assert "SgRoIAlign" not in plain
    assert "RoIAlign feeds b1" in plain[0]


def test_frames_have_the_ratios_of_the_configuration() -> None:
    default = dsc_figures.geometry(DSCConfig())
    other = dsc_figures.geometry(DSCConfig(guidance=GuidanceRule(enlarge_ratios=(4.0, 2.0, 1.0))))
    assert "frame 0: ×2" in words(default)
    assert "frame 0: ×4" in words(other) and "4, 2, 1 times" in other.caption
    assert words(default)[0] != words(other)[0]
