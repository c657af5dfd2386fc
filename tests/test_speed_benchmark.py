"""`benchmarks/speed/`: its arithmetic is right, its loads are real, and its workers answer."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import torch

import relook.ops.nms
from relook.config.presets import preset
from relook.errors import RelookError
from relook.models.folding import fold
from relook.ops.masks import dense_masks
from relook.structures.detection import Detections
from relook.visualization.charts import SQUARE

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.speed import coordinator, loads, numbers, operations, plot, profile, report, weights
from benchmarks.speed.contender import Contender
from benchmarks.speed.former_layout import FORMER
from benchmarks.speed.numbers import Spread
from benchmarks.speed.report import Row
from benchmarks.speed.rows import GROUPS
from benchmarks.speed.stopwatch import Stopwatch, replaced

from .narrow_models import WIDER, detector_of, narrow_config

ROOT = Path(__file__).resolve().parents[1]
CHANGES: dict[str, Any] = {
    **WIDER,
    "backbone__norm": "fixed_batch",
    "rpn__test__candidates": 200,
    "rpn__test__proposals": 100,
    "num_classes": 7,
    "semantic__num_classes": 8,
}


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any, weights.Load]:
    config = narrow_config("detectors-htc-tiny", **CHANGES)
    image = loads.image_batch("photograph", 192, 256, 1, config)
    detector, load = weights.realistic_detector(config, image, candidates=60)
    return detector, image, load


def test_ratios_compare_what_ran_in_one_round() -> None:
    found = numbers.ratio([1.0, 4.0, 3.0], [2.0, 4.0, 12.0])
    assert found == Spread(0.5, 0.375, 0.75)
    assert numbers.ratio([3.0], [2.0]) == Spread(1.5, 1.5, 1.5)


def test_the_floor_is_that_of_the_best_rate() -> None:
    rates = [{"a": 2.0, "b": 5.0}, {"a": 4.0, "b": 5.0}, {"a": 3.0, "b": 1.0}]
    assert numbers.floor_seconds(30, rates) == {"a": 10.0, "b": 6.0, "best": 6.0}


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_growth_finds_the_exponent(exponent: float) -> None:
    sizes = [1, 10, 100, 1000]
    found = numbers.growth(sizes, [3.0 * n**exponent for n in sizes])
    assert found.overall == pytest.approx(exponent)
    assert found.at_the_end == pytest.approx(exponent)


def test_growth_sees_past_a_fixed_cost() -> None:
    sizes = [1, 10, 100, 1000]
    found = numbers.growth(sizes, [10_000 + n**2 for n in sizes])
    assert found.overall < 1 < found.worst


def test_agreement_matches_one_to_one_whatever_the_order() -> None:
    ours = loads.made_up_detections(20, 300, 400, 3)
    assert numbers.agreement(ours, ours)["matched"] == 20
    assert ours.mask_probabilities is not None
    order = torch.arange(19, -1, -1)[1:]  # all but the last
    theirs = Detections(
        ours.boxes[order] + 0.002,
        ours.scores[order],
        ours.labels[order],
        ours.mask_probabilities[order] + 0.25,
        ours.size,
    )
    found = numbers.agreement(ours, theirs)
    assert found["counts"] == [20, 19]
    assert found["matched"] == 19
    assert found["box"] == pytest.approx(0.002, rel=0.02)
    assert found["score"] == 0
    assert found["mask"] == pytest.approx(0.25, rel=1e-4)
    elsewhere = replace(theirs, labels=theirs.labels + 3)
    assert numbers.agreement(ours, elsewhere)["matched"] == 0
    twice = replace(ours, boxes=ours.boxes[:1].expand(20, 4), labels=ours.labels[:1].expand(20))
    assert numbers.agreement(ours, twice)["matched"] == 1


def test_the_weights_have_the_load_that_was_asked_for(
    loaded: tuple[Any, Any, weights.Load],
) -> None:
    detector, image, load = loaded
    again = weights.load_of(detector, image)
    count = weights.passing(again.logits, detector.cascade.select.score_threshold)
    assert 50 <= count <= 60
    assert torch.equal(again.proposals, load.proposals)
    assert len(load.proposals) == 100
    levels = load.levels()
    assert sum(levels) == 100
    assert sum(n > 0 for n in levels) >= 2
    found = detector.detect(image)[0]
    assert len(found.labels.unique()) > 1
    assert found.mask_probabilities.gt(0.5).float().mean() > 0.3


def test_dsc_has_the_load_too() -> None:
    """Though its heads see a few RoIs at a time, and its first stage does not score."""
    config = narrow_config("fast-dsc-tiny", **CHANGES, cascade__rows__at_a_time=30)
    image = loads.image_batch("photograph", 192, 256, 1, config)
    detector, load = weights.realistic_detector(config, image, candidates=55)
    logits = weights.load_of(detector, image).logits
    assert len(logits) == len(load.proposals)
    assert 50 <= weights.passing(logits, detector.cascade.select.score_threshold) <= 60


def test_the_weights_bend_every_sample_and_share_what_is_frozen(
    loaded: tuple[Any, Any, weights.Load],
) -> None:
    detector, image, _ = loaded
    layer = detector.features.backbones[1].layer3[0].conv2
    shifts: list[torch.Tensor] = []
    handle = layer.offset_far.register_forward_hook(lambda _, __, out: shifts.append(out))
    detector.detect(image)
    handle.remove()
    assert 0.1 < float(shifts[0].std()) < 5
    assert weights.frozen_look_is_shared(detector) is True
    detector.features.backbones[1].conv1.weight.data[0, 0, 0, 0] += 1
    assert weights.frozen_look_is_shared(detector) is False
    detector.features.backbones[1].conv1.weight.data[0, 0, 0, 0] -= 1


def test_the_background_is_shifted_as_far_as_needed() -> None:
    logits = torch.randn(500, 11, generator=torch.Generator().manual_seed(0)) * 3
    for wanted in (10, 300, 2000):
        shift = weights.background_shift(logits, 0.001, wanted)
        assert wanted - 3 <= weights.passing(logits, 0.001, shift) <= wanted


def test_drawn_targets_fit_their_masks() -> None:
    config = preset("detectors-htc-tiny")
    target = loads.drawn_target(5, 96, config, seed=3)
    assert target.masks is not None and target.semantic is not None
    dense = dense_masks(target.masks)
    for mask, box in zip(dense, target.boxes, strict=True):
        rows, columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
        assert box.tolist() == [
            float(columns.min()),
            float(rows.min()),
            float(columns.max()) + 1,
            float(rows.max()) + 1,
        ]
    assert torch.equal(target.semantic.bool(), dense.any(dim=0))


def test_made_up_detections_lie_in_their_image() -> None:
    found = loads.made_up_detections(300, 3000, 4000, 80)
    assert len(found) == 300
    assert bool((found.boxes >= 0).all())
    assert bool((found.boxes <= torch.tensor([4000, 3000, 4000, 3000])).all())
    assert found.mask_probabilities is not None
    inside = found.mask_probabilities.gt(0.5).float().mean((1, 2))
    assert bool(((inside > 0.2) & (inside < 0.95)).all())


def test_the_stopwatch_takes_inner_time_from_the_outer_part() -> None:
    watch = Stopwatch()
    with watch.part("outer"):
        time.sleep(0.02)
        watch.watched(time.sleep, "inner")(0.05)
    assert watch.seconds["inner"] >= 0.05
    assert 0.02 <= watch.seconds["outer"] < 0.05


def test_functions_are_replaced_everywhere_and_put_back() -> None:
    from relook.models.rpn import rpn

    own = relook.ops.nms.suppress

    def other(*_: Any) -> None:
        raise AssertionError

    with replaced({own: other}):
        assert relook.ops.nms.suppress is other
        assert rpn.suppress is other
    assert relook.ops.nms.suppress is own
    assert rpn.suppress is own


def test_rows_say_whether_they_reach_their_target() -> None:
    rows = [
        Row("a", "time", Spread(0.5, 0.45, 0.625), 0.6, note="remark"),
        Row("a", "memory", 250.0, 200, "MB"),
        Row("a", "speed", 45.0, 40, "images/s", at_least=True),
        Row("a", "other", None, 3.0, note="no GPU"),
        Row("a", "beside", 2.0),
        Row("a", "difference", 0.00042, 1e-3),
    ]
    assert [row.reached for row in rows] == [True, False, True, None, None, True]
    lines = report.table(rows).splitlines()[2:]
    assert lines == [
        "| time | 0.50 (0.45 to 0.62) | ≤ 0.60 | yes | remark |",
        "| memory | 250 MB | ≤ 200 MB | **no** |  |",
        "| speed | 45.0 images/s | ≥ 40.0 images/s | yes |  |",
        "| other | not measured | ≤ 3.00 |  | no GPU |",
        "| beside | 2.00 |  |  |  |",
        "| difference | 0.00042 | ≤ 0.001 | yes |  |",
    ]


def test_results_hold_every_repetition(tmp_path: Path) -> None:
    row = Row("a", "time", Spread(0.5, 0.4, 0.6), 0.6, samples={"fast": [{"seconds": 1.0}]})
    source = report.origin(["--only", "sac"], 2, "abc")
    report.write(tmp_path / "new", "speed", source, [row])
    content = json.loads((tmp_path / "new/speed.json").read_text())
    assert content["command"] == "python -m benchmarks.speed --only sac"
    assert content["threads"] == 2
    assert content["rows"][0]["samples"] == {"fast": [{"seconds": 1.0}]}
    assert content["rows"][0]["reached"] is True
    assert "| time |" in (tmp_path / "new/speed.md").read_text()


def test_the_picture_has_a_panel_and_all_points_for_each_curve() -> None:
    curves = [
        plot.Curve("pixels", [1, 10, 100], [0.1, 0.5, 5]),
        plot.Curve("n < m", [1, 2], [1, 1]),
    ]
    root = ET.fromstring(plot.growth_svg(curves))
    tag = "{http://www.w3.org/2000/svg}"
    panels = root.findall(f"{tag}g")
    assert [len(panel.findall(f"{tag}circle")) for panel in panels] == [3, 2]
    for dot in root.iter(f"{tag}circle"):
        assert SQUARE.left <= float(dot.attrib["cx"]) <= SQUARE.width - SQUARE.right
        assert SQUARE.top <= float(dot.attrib["cy"]) <= SQUARE.height - SQUARE.bottom


def test_the_picture_shows_a_curve_of_one_size() -> None:
    root = ET.fromstring(plot.growth_svg([plot.Curve("batch", [1], [0.5])]))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 1


def test_the_rate_is_measured_by_kind() -> None:
    small = operations._PRODUCTS
    try:
        operations._PRODUCTS = 64
        found = operations.rate(Contender("plain", Path()))
    finally:
        operations._PRODUCTS = small
    assert set(found) >= {"matrix product", "1x1 convolution, channels last"}
    assert all(np.isfinite(value) and value > 1e6 for value in found.values())


@pytest.mark.slow
def test_a_worker_answers_in_its_own_tree_and_tells_what_failed(tmp_path: Path) -> None:
    worker = coordinator.Worker("fast", ROOT / "src", tmp_path, 1)
    try:
        assert Path(worker.ask("about")["file"]).is_relative_to(ROOT / "src")
        found = worker.ask("paste", count=3, height=200, width=300, memory=True)
        assert found["detections"] == 3
        assert found["memory"]["peak"] >= found["memory"]["imported"] > 0
        with pytest.raises(RelookError, match="nowhere"):
            worker.ask("train", model="nowhere", side=64)
        assert worker.ask("paste", count=1, height=90, width=90)["detections"] == 1
    finally:
        worker.close()
    with pytest.raises(RelookError, match="last words"):
        worker.ask("about")


def test_a_worker_that_imported_another_tree_is_refused(tmp_path: Path) -> None:
    coordinator.check_tree("fast", tmp_path, tmp_path / "relook/__init__.py")
    with pytest.raises(RelookError, match="imported"):
        coordinator.check_tree("fast", tmp_path, ROOT / "src/relook/__init__.py")


def test_the_baseline_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(RelookError, match="with its history"):
        coordinator.extract("0" * 40, tmp_path)


def test_every_group_of_the_table_is_there() -> None:
    assert list(GROUPS) == [
        "inference",
        "sac",
        "family",
        "shapes",
        "training",
        "masks",
        "memory",
        "start",
        "loading",
        "growth",
    ]


def test_the_profile_accounts_for_the_whole_time(
    loaded: tuple[Any, Any, weights.Load], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, image, _ = loaded
    monkeypatch.setattr(time, "perf_counter", time.process_time)  # others' work does not count
    before = dict(vars(detector.rpn))
    with torch.inference_mode():
        started = time.perf_counter()
        parts = profile.by_part(detector, image, 1)
        whole = time.perf_counter() - started
    assert 0.6 * whole < sum(parts.values()) <= whole
    looked = {"look 1", "look 2", "fpn", "aspp", "fusion", "rpn", "semantic", "RoI features"}
    assert looked <= set(parts)
    assert {"box stage 3", "mask stage 3", "suppression", "paste and codes"} <= set(parts)
    assert dict(vars(detector.rpn)) == before
    lines = profile.tables({"a": 1.0, "b": 3.0}, {"aten::mm": (0.5, 2)}).splitlines()
    assert lines[2:5] == ["| b | 3.000 | 75.0 |", "| a | 1.000 | 25.0 |", "| **all** | 4.000 | |"]
    assert lines[-1] == "| `aten::mm` | 0.500 | 2 |"


def test_the_folded_sac_layers_are_found() -> None:
    """They had moved, and the layer that is not folded was measured in their place."""
    config = narrow_config("detectors-htc-r50", backbone__blocks=(2, 2, 2, 2))
    detector = detector_of(config).eval()
    folded = fold(detector)
    for stage in operations.SAC_STAGES.values():
        layer = operations.folded_sac(folded, stage)
        assert layer is folded.get_submodule(f"features.backbones.0.stages.{stage - 1}.1.units.1")
    with pytest.raises(AttributeError):
        operations.folded_sac(detector, 3)
    with pytest.raises(AttributeError, match="no folded SAC"):
        operations.folded_sac(folded, 1)  # the first stage has none


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of what a file imports of relook before it measures."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("relook."):
            yield from ((str(node.module), alias.name) for alias in node.names)


@pytest.mark.parametrize("name", ["cases", "contender", "loads", "numbers", "weights"])
def test_the_baseline_has_what_its_worker_imports(name: str) -> None:
    """Nothing but a run of the whole benchmark noticed a module that had moved."""
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{coordinator.BASELINE}^{{commit}}"],
        cwd=ROOT,
        check=False,
        capture_output=True,
    )
    if known.returncode:
        pytest.skip("the history of this clone does not go back to the baseline")
    for module, what in _imports(ROOT / "benchmarks" / "speed" / f"{name}.py"):
        former = FORMER.get(f"{module}.{what}", FORMER.get(module, module))
        if f"{module}.{what}" in FORMER:
            what = ""
        place = f"{coordinator.BASELINE}:src/{former.replace('.', '/')}"
        texts = [_shown(f"{place}.py"), _shown(f"{place}/__init__.py")]
        assert any(texts), f"{module} has no former name"
        is_module = _shown(f"{place}/{what}.py")
        assert is_module or any(re.search(rf"\b{what}\b", text) for text in texts), (module, what)


def _shown(path: str) -> str:
    """The text of a file in the history; empty where there is none."""
    run = subprocess.run(["git", "show", path], cwd=ROOT, check=False, capture_output=True)
    return run.stdout.decode() if run.returncode == 0 else ""
