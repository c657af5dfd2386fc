"""`benchmarks/floor.py`: the yardstick is fed and scored as relook is, and a stop loses nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from relook.config.model import ModelConfig
from relook.data.coco.reader import read_coco
from relook.errors import RelookError, UsageError
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Target
from relook.training.loading import BatchMaker, training_loader
from relook.training.module import TrainingBatch
from relook.training.settings import Settings
from relook.training.sources import read_sources

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import floor
from yardstick import report, running, timing, training
from yardstick.model import STRIDES, Yardstick, at_stock_widths, network_target
from yardstick.training import Job

from .narrow_models import FEW, NARROW, WIDER, as_changes

QUICK = as_changes(
    {
        **NARROW,
        **WIDER,
        **FEW,
        "input__size": (64, 64),
        "train__augment__crop": (64, 64),
        "train__augment__scale_jitter": (1.0, 1.0),
    }
)
NUMBERS: dict[str, Any] = {
    "mask_ap": 0.25,
    "mask_ap50": 0.5,
    "box_ap": 0.3,
    "f1": None,
    "parameters": 2_000_000,
    "steps": 7,
    "images": 1400,
    "minutes": 8.0,
}


@pytest.fixture
def batch(small: Settings) -> tuple[ModelConfig, TrainingBatch]:
    settings, sources = read_sources(small)
    given = settings.model.input
    maker = BatchMaker(given.mean, given.std)
    loader = training_loader(sources.training_set(settings), 2, 0, 0, maker)
    return settings.model, next(iter(loader))


@pytest.fixture
def job(blobs: Path) -> Job:
    return Job(
        contender="torchvision",
        preset="detectors-htc-tiny",
        rate=3e-3,
        minutes=0.002,
        steps=None,
        train_json=str(blobs),
        score_json=str(blobs),
        images=str(blobs.parent / "images"),
        seed=0,
        threads=1,
        workers=0,
        changes=tuple(QUICK),
    )


def test_targets_are_those_of_relook() -> None:
    dense = torch.zeros(2, 64, 96, dtype=torch.bool)
    dense[0, 10:20, 30:50] = True
    dense[1, 60:64, 90:96] = True
    boxes = torch.tensor([[30.0, 10, 50, 20], [90, 60, 96, 64]])
    target = network_target(Target(boxes, torch.tensor([0, 4]), crop_masks(dense)))
    assert target["labels"].tolist() == [1, 5]
    assert target["masks"].dtype == torch.uint8
    assert torch.equal(target["masks"].bool(), dense)
    assert torch.equal(target["boxes"], boxes)


def test_pixels_reach_the_backbone_as_the_loader_made_them(
    batch: tuple[ModelConfig, TrainingBatch],
) -> None:
    config, given = batch
    model = Yardstick(config)
    seen: list[torch.Tensor] = []
    model.network.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    model.loss(given.images, given.targets)
    model.detect(given.images)
    assert len(seen) == 2
    assert all(torch.equal(pixels, given.images.pixels) for pixels in seen)


def test_every_part_is_trained_and_learns(batch: tuple[ModelConfig, TrainingBatch]) -> None:
    config, given = batch
    torch.manual_seed(0)
    model = Yardstick(config)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    totals = []
    for _ in range(7):
        total = torch.stack(list(model.loss(given.images, given.targets).values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(float(total.detach()))
    assert all(p.grad is not None for p in model.parameters())
    assert np.mean(totals[-2:]) < 0.8 * np.mean(totals[:2])


def test_images_without_objects_have_losses(batch: tuple[ModelConfig, TrainingBatch]) -> None:
    config, given = batch
    nothing = torch.zeros(0, 64, 64, dtype=torch.bool)
    empty = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), crop_masks(nothing))
    losses = Yardstick(config).loss(given.images, [empty, empty])
    assert all(torch.isfinite(value) for value in losses.values())


def test_anchors_caps_and_thresholds_are_those_of_the_configuration(small: Settings) -> None:
    config = small.model
    network = Yardstick(config).network
    assert network.rpn.anchor_generator.sizes == tuple((4.0 * s,) for s in STRIDES)
    assert network.rpn.head.cls_logits.out_channels == 3
    network.train()
    assert (network.rpn.pre_nms_top_n(), network.rpn.post_nms_top_n()) == (60, 40)
    network.eval()
    assert (network.rpn.pre_nms_top_n(), network.rpn.post_nms_top_n()) == (40, 20)
    heads = network.roi_heads
    assert (heads.score_thresh, heads.nms_thresh, heads.detections_per_img) == (0.001, 0.5, 20)
    assert heads.fg_bg_sampler.batch_size_per_image == 16
    assert not any(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in network.modules())
    wide = Yardstick(at_stock_widths(config)).network
    assert wide.backbone.out_channels == 256
    assert wide.roi_heads.box_head.fc7.out_features == 1024


def test_detections_are_in_pixels_of_the_original(small: Settings) -> None:
    """A network input of 64 x 96 that was 32 x 48 before; nothing else knows the factor."""
    torch.manual_seed(0)
    model = Yardstick(small.model)
    pixels = torch.randn(1, 3, 96, 96)
    size, before = (64, 96), (32, 48)
    found = {}
    for original, scale in ((size, 1.0), (before, 2.0)):
        images = ImageBatch(pixels, (size,), ((96, 96),), (original,), ((scale, scale),))
        found[original] = model.detect(images, score_threshold=0.0, max_detections=5)[0]
    own, half = found[size], found[before]
    assert len(own) == 5
    assert half.size == before
    assert torch.allclose(own.boxes / 2, half.boxes)
    assert own.labels.eq(0).all()
    assert own.scores.diff().le(0).all()
    assert own.mask_probabilities is not None
    assert own.mask_probabilities.shape == (5, 28, 28)
    assert model.network.roi_heads.detections_per_img == 20  # as before


def test_relook_scores_it(batch: tuple[ModelConfig, TrainingBatch], blobs: Path) -> None:
    config, _ = batch
    index = read_coco(blobs, blobs.parent / "images")
    predictor = Predictor(Yardstick(config), config, index.classes)
    found = evaluate_model(predictor, index)
    assert found.metrics.mask is not None
    assert found.predictions
    assert {one["category_id"] for one in found.predictions} == {7}


@pytest.mark.filterwarnings("ignore:You defined a `validation_step`")
@pytest.mark.parametrize("steps", [None, 3])
def test_a_job_of_the_yardstick_ends_by_minutes_or_steps(
    job: Job, tmp_path: Path, steps: int | None
) -> None:
    minutes = job.minutes if steps is None else None
    found = training.run_job(replace(job, minutes=minutes, steps=steps), tmp_path / "one")
    assert found["steps"] == steps or (steps is None and found["steps"] >= 1)
    assert found["images"] == 2 * found["steps"]
    assert 0 <= found["mask_ap"] <= 1
    index = read_coco(job.score_json, job.images)
    config, _ = read_sources(job.settings())
    like = Predictor(Yardstick(config.model), config.model, index.classes)
    again = training.load_yardstick(tmp_path / "one" / "run", like, stock=False)
    metrics = evaluate_model(again, index, max_dets=500).metrics
    assert training.scores(metrics)["box_ap"] == pytest.approx(found["box_ap"])


def test_a_job_of_relook_says_what_it_saw(job: Job, tmp_path: Path) -> None:
    found = training.run_job(replace(job, contender="relook"), tmp_path / "one")
    assert found["steps"] >= 1
    assert found["images"] == 2 * found["steps"]
    assert training.load_relook(tmp_path / "one" / "run").classes[0].name == "blob"


def test_a_training_that_diverged_is_a_result(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: object) -> None:
        raise RelookError("R03", "no numbers any more")

    monkeypatch.setattr(training, "fit_yardstick", diverge)
    assert training.run_job(job, tmp_path) == {"diverged": "no numbers any more"}


def test_jobs_survive_json_and_share_their_recipe(job: Job) -> None:
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job
    ours, theirs = replace(job, contender="relook").settings(), job.settings()
    assert theirs.train == ours.train.with_(semantics="none")
    assert (ours.train.learning_rate, ours.train.minutes) == (3e-3, 0.002)


def test_what_is_held_out_is_not_trained_on(
    make_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_dataset(tmp_path / "made", [[(4, 4, 20, 16)] for _ in range(17)])
    parts = [read_coco(p, path.parent / "images") for p in running.hold_out(path, tmp_path)]
    ids = [{image.id for image in part.images} for part in parts]
    assert ids[1] == {8, 16}
    assert ids[0] == set(range(1, 18)) - ids[1]
    assert [part.num_objects for part in parts] == [15, 2]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the trainings that were started; in place of each, one that takes no time."""
    names: list[str] = []
    real = running.Floor._start

    def start(self: Any, name: str, job: Job, cores: set[int] | None) -> Any:
        names.append(name)
        numbers = {**NUMBERS, "mask_ap": job.rate if job.contender == "relook" else 1 - job.rate}
        place = "__import__('pathlib').Path(__import__('sys').argv[2])"
        code = f"({place} / 'numbers.json').write_text({json.dumps(numbers)!r})"
        script = self.folder / "stand_in.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text("raise SystemExit(3)" if "broken" in name else code)
        monkeypatch.setattr(running, "SCRIPT", script)
        return real(self, name, job, cores)

    monkeypatch.setattr(running.Floor, "_start", start)
    return names


def test_what_is_done_is_not_done_again(job: Job, tmp_path: Path, started: list[str]) -> None:
    jobs = {"a": job, "b": replace(job, contender="relook")}
    first = running.Floor(tmp_path, None).run(jobs)
    assert started == ["a", "b"]
    again = running.Floor(tmp_path, None).run({**jobs, "c": job})
    assert started == ["a", "b", "c"]
    assert again["a"] == first["a"]
    with pytest.raises(UsageError, match="other settings"):
        running.Floor(tmp_path, None).run({"a": replace(job, seed=1)})


def test_a_training_that_fails_takes_nothing_along(
    job: Job, tmp_path: Path, started: list[str]
) -> None:
    jobs = {"a": job, "broken": job}
    with pytest.raises(RelookError, match=r"broken.*log\.txt"):
        running.Floor(tmp_path, None).run(jobs)
    assert list(running.Floor(tmp_path, None).results["trainings"]) == ["a"]


@pytest.mark.usefixtures("started")
def test_the_best_rate_of_each(job: Job, tmp_path: Path) -> None:
    bases = {"relook": replace(job, contender="relook"), "torchvision": job}
    run = running.Floor(tmp_path, None)
    best, tries = floor.choose_rates(run, bases, [1e-3, 1e-2], 0.1)
    assert best == {"relook": 1e-2, "torchvision": 1e-3}
    assert len(tries) == 4
    held = run.results["trainings"]["try relook 0.001"]["job"]
    assert (held["minutes"], Path(held["score_json"]).name) == (0.1, "held_out.json")
    assert floor.choose_rates(run, bases, [0.5], 0.1) == ({"relook": 0.5, "torchvision": 0.5}, [])


def test_equal_images_are_the_steps_of_relook(job: Job, tmp_path: Path, started: list[str]) -> None:
    bases = {"relook": replace(job, contender="relook"), "torchvision": job}
    run = running.Floor(tmp_path, None)
    floor.train_in_full(run, bases, {"relook": 1e-3, "torchvision": 3e-3})
    assert started[-1] == "full torchvision 0.003 7 steps"
    last = run.results["trainings"][started[-1]]["job"]
    assert (last["steps"], last["minutes"]) == (7, None)


def test_factors_of_time() -> None:
    found = timing.summary({"a": [0.1, 0.2, 0.3], "b": [0.05, 0.2, 0.6]}, "a")
    assert found["a"]["ms"] == pytest.approx(200)
    assert found["a"]["factor"] == 1
    assert found["b"]["factor"] == pytest.approx(1)
    assert found["b"]["factor_low"] < 1 < found["b"]["factor_high"]


def test_models_take_turns() -> None:
    order: list[str] = []
    runs = {name: lambda image, name=name: order.append(name) for name in "ab"}
    seconds = timing.interleaved(runs, [np.zeros((2, 2, 3), np.uint8)] * 3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"
    assert [len(own) for own in seconds.values()] == [3, 3]


def test_torchvisions_own_paste_runs(small: Settings) -> None:
    model = Yardstick(small.model)
    like = Predictor(model, small.model, [type("Blob", (), {"id": 1, "name": "blob"})()])
    timing.with_torchvision(like)(np.zeros((40, 80, 3), np.uint8))
    images = ImageBatch(torch.randn(1, 3, 96, 96), ((64, 96),), ((96, 96),), ((32, 48),), ((2, 2),))
    assert model.pasted(images)[0]["masks"].shape[-2:] == (32, 48)


def rows(*aps: float, factor: float) -> list[report.Row]:
    time = {"ms": 150.0, "factor": factor, "factor_low": 0.9 * factor, "factor_high": 1.1 * factor}
    return [report.Row(f"row {ap}", {**NUMBERS, "mask_ap": ap}, 1e-3, 3, time) for ap in aps]


def test_the_table() -> None:
    lines = report.table(rows(0.3, 0.25, factor=0.5)).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == [
        "row 0.3", "30.0", "50.0", "30.0", "-", "2.00 M", "1,400", "8.0", "0.001 (of 3)", "150",
        "0.50",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("aps", "factor", "points", "time"),
    [
        ((0.30, 0.24, 0.249), 1.2, "reached", "reached"),
        ((0.30, 0.24, 0.26), 0.5, "not reached", "not reached"),
        ((0.20, 0.26, 0.10), 1.0, "not reached", "reached"),
    ],
)
def test_the_verdict_says_what_is(
    aps: tuple[float, ...], factor: float, points: str, time: str
) -> None:
    found = rows(*aps, factor=factor)
    text = report.verdict(found, found[1].time)
    assert text[0].endswith(f"{100 * (aps[0] - aps[2]):+.1f} after equal images.")
    assert f"torchvision's: {1 / factor:.2f} " in text[1]
    assert text[2].endswith(f"ahead in both, {points}; at no more time per image, {time}.")


def test_a_rate_at_the_end_is_told() -> None:
    best = {"relook": 1e-3, "torchvision": 3e-3}
    found = report.edge_warnings(best, [3e-4, 1e-3, 3e-3])
    assert len(found) == 1 and "torchvision, 0.003" in found[0]
    assert report.edge_warnings(best, [1e-3]) == []


def test_diverged_tries_are_in_the_table() -> None:
    text = report.tries_table([("relook", 0.1, {"diverged": "x"}), ("relook", 0.01, NUMBERS)])
    assert [line.split("|")[3].strip() for line in text.splitlines()[2:]] == ["diverged", "25.0"]


def test_options_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert floor.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 3
    assert "--data" in capsys.readouterr().err
    with pytest.raises(UsageError, match="cores"):
        floor._lanes(10_000)
    with pytest.raises(SystemExit):
        floor.parse(["--rates", "0,1"])


class _Ended:
    """In place of a process that has ended without an error."""

    def wait(self) -> int:
        return 0

    def kill(self) -> None:
        """Do nothing."""


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the trainings; only the first is in a process, which takes seconds to start."""
    names: list[str] = []
    real = running.Floor._start

    def start(self: Any, name: str, job: Job, cores: set[int] | None) -> Any:
        names.append(name)
        if len(names) == 1:
            return real(self, name, job, cores)
        place = self._place(name)
        place.mkdir(parents=True)
        (place / "job.json").write_text(json.dumps(job.to_json()))
        running.run_one(place)
        return _Ended()

    monkeypatch.setattr(running.Floor, "_start", start)
    return names


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You defined a `validation_step`")
def test_the_command_from_data_to_table(
    blobs: Path, tmp_path: Path, one_process: list[str]
) -> None:
    """Three trainings of a moment; the second time, none."""
    data = tmp_path / "nuclei"
    (data / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        (data / "annotations" / f"instances_{split}.json").write_text(blobs.read_text())
    (data / "images").symlink_to(blobs.parent / "images")
    out = tmp_path / "out"
    changes = [part for change in QUICK for part in ("--set", change)]
    command = ["--data", str(data), "--minutes", "0.002", "--rates", "1e-3", *changes]
    command += ["--out", str(out), "--time-images", "2"]
    assert floor.main(command) == 0
    results = json.loads((out / "results.json").read_text())
    assert len(results["trainings"]) == 3
    relook, _, equal = results["trainings"].values()
    assert equal["images"] == relook["images"]
    text = (out / "table.md").read_text()
    assert "equal minutes" in text and "Aim:" in text and "--rates 1e-3" in text
    written = {path: path.stat().st_mtime_ns for path in out.rglob("numbers.json")}
    assert floor.main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("numbers.json")} == written
    assert len(one_process) == 3
