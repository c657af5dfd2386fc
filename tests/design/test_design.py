"""A user's own parts, from outside of relook: built, trained, saved, loaded, evaluated.

``docs/parts.md`` tells this.
"""

from __future__ import annotations

import html
import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from my_package import parts as mine
from rich.console import Console
from torch import nn
from typer.testing import CliRunner

import relook
from relook import Detector, Part, build, load, load_model, overlay, preset, save_model
from relook.cli.app import app
from relook.cli.skeletons.cascade import NewPart as OneStage
from relook.config.model import ModelConfig
from relook.config.plugins import allowing
from relook.data.coco.reader import Category, read_coco
from relook.errors import ModelError, UsageError
from relook.evaluation.run import evaluate_model
from relook.models.build import build_detector
from relook.models.cascades.steps import pool
from relook.ops import matching
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Rois, Target
from relook.training.loop import resume, train
from relook.training.settings import Settings, read_overlay, resolve

from ..narrow_models import FEW, WIDER, narrow_config

HERE, SOURCE = Path(__file__).parent, Path(relook.__file__).parents[1]
PACKAGE = "my_package"
OWN: dict[str, dict[str, Any]] = {
    "conv3x3": {"target": "BlurredConv", "args": {"blur": True}},
    "backbone": {"target": "Stem"},
    "neck": {"target": "SumNeck"},
    "connector": {"target": "SqueezeConnector", "args": {"ratio": 8}},
    "fusion": {"target": "MeanFusion"},
    "roi_extractor": {"target": "ShapeGuidedAlign", "args": {"channels": 32}},
    "box_head": {"target": "PlainBoxHead"},
    "mask_head": {"target": "ThinMaskHead"},
    "stage_rules": {"target": "rising_rules", "args": {"step": 0.01}},
    "assigner": {"target": "WassersteinAssigner", "args": {"scale": 8.0}},
    "rpn_assigner": {"target": "WassersteinAssigner"},
    "sampler": {"target": "FirstRows"},
    "box_loss": {"target": "FocalBoxLoss"},
    "mask_loss": {"target": "DiceLoss", "args": {"smooth": 2.0}},
}


UNSEEN = ("conv3x3", "stage_rules", "assigner")
"""Places whose part changes no loss of the first step: each block starts as its shortcut, and a
few pixels more or less match the same RoIs."""


def part(place: str) -> dict[str, Any]:
    """The part for a place as a configuration file has it."""
    own = OWN[place]
    return {**own, "target": f"{PACKAGE}.parts:{own['target']}"}


@pytest.fixture
def settings(small: Settings) -> Callable[..., Settings]:
    """Settings of a short training with the parts of some places."""

    def make(*places: str, **model: Any) -> Settings:
        parts = {place: part(place) for place in places}
        return overlay(small, {"model": {"parts": parts, **model}})

    return make


def config_of(*places: str, **changes: Any) -> ModelConfig:
    small = narrow_config("detectors-htc-tiny", **WIDER, **FEW, **changes)
    return overlay(small, {"parts": {place: part(place) for place in places}})


def one_step(detector: Detector) -> dict[str, float]:
    """Losses of a batch; every parameter that takes part has a gradient."""
    torch.manual_seed(0)
    masks = torch.zeros(2, 64, 96, dtype=torch.bool)
    masks[0, 8:40, 10:50] = masks[1, 20:60, 50:90] = True
    boxes = torch.tensor([[10.0, 8, 50, 40], [50, 20, 90, 60]])
    target = Target(boxes, torch.zeros(2).long(), crop_masks(masks), seed=1)
    size = ((64, 96),)
    images = ImageBatch(torch.randn(1, 3, 64, 96), size, size, size, ((1.0, 1.0),))
    losses = detector.train().loss(images, [target])
    torch.stack(list(losses.values())).sum().backward()
    assert all(bool(torch.isfinite(value)) for value in losses.values())
    assert all(len(found.boxes) <= 100 for found in detector.eval().detect(images))
    return {name: float(value.detach()) for name, value in losses.items()}


@pytest.mark.parametrize("place", list(OWN))
def test_each_part_takes_its_place_and_learns(place: str) -> None:
    config = config_of(place)
    with allowing([PACKAGE]):
        torch.manual_seed(0)
        detector = build_detector(config)
    own = getattr(mine, OWN[place]["target"])
    is_module = inspect.isclass(own) and issubclass(own, nn.Module)
    found = [module for module in detector.modules() if is_module and isinstance(module, own)]
    assert bool(found) == is_module
    torch.manual_seed(0)
    before = one_step(build_detector(config_of()))
    after = one_step(detector)
    assert after != before or place in UNSEEN
    for module in found:
        assert all(p.grad is not None for p in module.parameters() if p.requires_grad)


def test_the_shape_guided_extractor_is_short_and_starts_as_half_more_of_everything() -> None:
    assert len(inspect.getsource(mine.ShapeGuidedAlign).splitlines()) < 40
    extract = mine.ShapeGuidedAlign(8).double()
    torch.manual_seed(0)
    pyramid = [torch.randn(1, 8, 32 // 2**i, 32 // 2**i).double() for i in range(5)]
    rois = Rois(torch.tensor([[3.0, 4, 40, 50], [10, 10, 30, 20]]).double(), torch.zeros(2).long())
    found = extract(pyramid, None, rois, 7)
    # Sample points are as many a bin, and those at the rim of the weights differ.
    expected = 1.5 * pool(pyramid, None, rois, 7)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.01)


def test_a_rule_that_rises_and_an_assigner_for_tiny_boxes() -> None:
    with allowing([PACKAGE]):
        cascade = build_detector(config_of("stage_rules")).cascade
    assert [rule.iou for rule in cascade.rules] == pytest.approx([0.51, 0.61, 0.71])
    assert cascade.rules[0].iou == pytest.approx(0.52)

    truth = torch.tensor([[10.0, 10, 14, 14]])
    shifted, far = truth + 4, truth + 200  # no overlap at all, either
    assign = mine.WassersteinAssigner(scale=12.8)
    found = assign(torch.cat([shifted, far]), truth, 0.5, 0.5, None)
    assert found.tolist() == [0, -1]
    assert matching.assign(torch.cat([shifted, far]), truth, 0.5, 0.5, None).tolist() == [-1, -1]


def test_a_cascade_of_ones_own() -> None:
    boxes_alone = {"masks": False, "hybrid": {"interleaved": False, "mask_flow": False}}
    config = config_of(**{f"cascade__{name}": value for name, value in boxes_alone.items()})
    config = config.with_(parts__cascade=Part.of(OneStage))
    assert set(one_step(build_detector(config))) == {
        "rpn.objectness",
        "rpn.box",
        "semantic",
        "class",
        "box",
    }


def test_everything_together_from_data_to_numbers(
    settings: Callable[..., Settings], tmp_path: Path, console: Console
) -> None:
    places = [place for place in OWN if place != "conv3x3"]  # the backbone has its own
    given = settings(*places, backbone={"weights": None})
    with pytest.raises(ModelError, match="M08"):
        train(given, console, out=tmp_path / "refused")
    with allowing([PACKAGE]):
        outcome = train(given, console, out=tmp_path / "run")
        assert resume(tmp_path / "run", console).run.path == tmp_path / "run"
    with pytest.raises(ModelError, match="--allow my_package"):
        load_model(outcome.run.best)
    predictor = load(tmp_path / "run", device="cpu", allow=[PACKAGE])
    assert isinstance(predictor.detector.features.connector, mine.SqueezeConnector)
    index = read_coco(given.data.train_json, given.data.train_images)
    assert outcome.metrics is not None
    again = evaluate_model(predictor, index, max_dets=given.train.max_dets).metrics
    assert again.box.ap == pytest.approx(outcome.metrics.box.ap, abs=1e-6)
    assert resolve([read_overlay(outcome.run.config)]).model.parts == predictor.config.parts


def test_parts_handed_over_in_python_need_no_permission_here_and_one_elsewhere(
    tmp_path: Path,
) -> None:
    config = config_of(parts__connector=Part.of(mine.SqueezeConnector, ratio=8))
    assert config.parts.connector is not None
    assert config.parts.connector.target == f"{PACKAGE}.parts:SqueezeConnector"
    detector = build(config)
    save_model(tmp_path / "m.safetensors", detector, config, [Category(1, "nut")])
    load_model(tmp_path / "m.safetensors")
    code = (
        "import relook, sys\n"
        "path, package = sys.argv[1:]\n"
        "try: relook.load_model(path)\n"
        "except relook.ModelError as error: print(error.code, package in sys.modules)\n"
        "relook.load_model(path, allow=[package])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "m.safetensors", PACKAGE],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{HERE}:{SOURCE}"},
    )
    assert (run.returncode, run.stdout.split()) == (0, ["M08", "False"]), run.stderr


def test_naming_a_part_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('it ran')")
    sys.path.insert(0, str(tmp_path))
    try:
        for target in ("trap:Anything", "os:system", "my_packages:x", "my_package_2.parts:x"):
            config = config_of().with_(parts__neck={"target": target})
            with allowing([PACKAGE]), pytest.raises(ModelError, match="M08"):
                build_detector(config)
        assert "trap" not in sys.modules
    finally:
        sys.path.remove(str(tmp_path))


@pytest.mark.parametrize(
    ("place", "wrong", "what"),
    [
        ("connector", {"target": f"{PACKAGE}.parts:Missing"}, "is not there"),
        ("connector", {"target": f"{PACKAGE}.nowhere:X"}, "is not there"),
        ("connector", {"target": f"{PACKAGE}.parts:MeanFusion.blend"}, "could not be made"),
        ("connector", {"target": f"{PACKAGE}.parts:SqueezeConnector", "args": {"a": 1}}, "args"),
        ("fusion", {"target": f"{PACKAGE}.parts:SqueezeConnector"}, "lacks blend"),
        ("neck", {"target": f"{PACKAGE}.parts:rising_rules"}, "could not be made"),
        ("assigner", {"target": f"{PACKAGE}.parts:Plain"}, "is not there"),
    ],
)
def test_parts_that_do_not_fit(place: str, wrong: dict[str, Any], what: str) -> None:
    config = overlay(config_of(), {"parts": {place: wrong}})
    with allowing([PACKAGE]), pytest.raises(ModelError, match=what) as caught:
        build_detector(config)
    assert caught.value.code == "M08"


def test_names_and_places_that_cannot_be() -> None:
    for target in ("no_colon", ":x", "a:", "a b:c", "a-b:c"):
        with pytest.raises(UsageError, match="U03"):
            config_of().with_(parts__neck={"target": target})
    with pytest.raises(UsageError, match="roi_extractor belongs to"):
        overlay(preset("dsc-tiny"), {"parts": {"roi_extractor": part("roi_extractor")}})
    with pytest.raises(UsageError, match="nothing is fed back"):
        overlay(preset("htc-tiny"), {"parts": {"connector": part("connector")}})


def test_the_commands_take_permission_for_one_run(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    given = settings("connector", "assigner")
    file = tmp_path / "model.yaml"
    file.write_text(given.to_yaml())
    image = next((given.data.train_images).glob("*.png"))

    def run(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    trained = run("train", "--config", file, "-o", tmp_path / "run", "--allow", PACKAGE)
    assert trained.exit_code == 0, trained.stderr
    plan, page = trained.stderr, (tmp_path / "run" / "report.html").read_text()
    for place, part in given.model.parts.by_place.items():
        named = f"{place}: {part.target}({', '.join(f'{k}={v!r}' for k, v in part.args.items())})"
        assert f"Own part, {named}" in plan and f"Own part, {html.escape(named)}" in page
        assert named in run("show", tmp_path / "run").stdout
    both_parts = given.model.parts.beside(given.preset)
    assert f"{given.preset} with connector SqueezeConnector" in both_parts
    assert f"<h1>{html.escape(both_parts)}, " in page
    refused = run("predict", image, "-m", tmp_path / "run", "--json")
    assert refused.exit_code == 4 and "--allow my_package" in " ".join(refused.stderr.split())
    found = run("predict", image, "-m", tmp_path / "run", "--json", "--allow", PACKAGE)
    assert found.exit_code == 0, found.stderr
    looked = run(
        "explain", "stages", image, "-m", tmp_path / "run", "-o", tmp_path / "x", "--allow", PACKAGE
    )
    assert looked.exit_code == 0, looked.stderr
    both = (tmp_path / "run", tmp_path / "run", image, "-o", tmp_path / "c")
    refused = run("compare", *both)
    assert refused.exit_code == 4 and "--allow my_package" in " ".join(refused.stderr.split())
    compared = run("compare", *both, "--allow", PACKAGE)
    assert compared.exit_code == 0, compared.stderr


def test_rows_of_an_ablation_may_have_own_parts(
    settings: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings("connector")
    (tmp_path / "model.yaml").write_text(given.to_yaml())
    (tmp_path / "rows.yaml").write_text(f"rows: {{own: {{model: {given.preset}}}}}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # of the training's process
    monkeypatch.setattr("relook.config.plugins._handed_over", {})  # by other tests, in this process

    def run(*more: str) -> Any:
        arguments = [
            *("ablate", "--rows", tmp_path / "rows.yaml", "--config", tmp_path / "model.yaml"),
            *("--val-json", given.data.train_json, "--epochs", 1, "--time-images", 1),
            *("-o", tmp_path / "out", *more),
        ]
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    refused = run()
    assert refused.exit_code == 4 and "--allow my_package" in " ".join(refused.stderr.split())
    assert not (tmp_path / "out" / "own-seed0").exists()
    done = run("--allow", PACKAGE)
    assert done.exit_code == 0, done.stderr
    named = given.model.parts.beside(given.preset)
    assert f"| own | {named} |" in done.stdout and "SqueezeConnector" in named
    assert f"own,{named}," in (tmp_path / "out" / "table.csv").read_text().replace('"', "")
