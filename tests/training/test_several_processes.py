"""Real microscope images on two processes that torchrun starts: what one process would do.

All trainings run in one pair of processes, because starting them takes longer than they do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from relook.training.loop import resume, train
from relook.training.settings import Overlay, Settings, resolve
from relook.weights.file import load_model

pytestmark = pytest.mark.slow

NUCLEI = Path(__file__).parents[2] / "datasets" / "nuclei"
SGD = {"optimizer": "sgd", "lr": 0.001, "epochs": 2, "max_dets": 20}
SHORT = {**SGD, "epochs": 1}
FIXED = {"backbone": {"norm": "fixed_batch"}}
SIZES = {"crop": None, "scale_jitter": None, "size": [[128, 96], [192, 160]]}
BOX_ONLY = {"masks": False, "hybrid": {"interleaved": False, "mask_flow": False}}

# Every training of the folder, in the order of their names, and what became of it.
TOGETHER = """
import io
import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from relook.models.detector import Detector
from relook.errors import RelookError
from relook.training.loop import resume, train
from relook.training.settings import read_overlay, resolve

rank, folder = os.environ["RANK"], Path(sys.argv[1])
original = Detector.loss


def run(name, work):
    console = Console(width=200, file=io.StringIO())
    try:
        work(console)
        said = console.file.getvalue()
    except RelookError as error:
        said = str(error)
    (folder / f"{name}.{rank}.txt").write_text(said)


def broken_in_the_second(self, images, targets):
    losses = original(self, images, targets)
    return losses | {"rpn.box": losses["rpn.box"] * float("nan")} if rank == "1" else losses


for file in sorted(folder.glob("*.yaml")):
    settings = resolve([read_overlay(file)])
    Detector.loss = broken_in_the_second if file.stem == "nan" else original
    run(file.stem, lambda console: train(settings, console, out=folder / f"two-{file.stem}"))
Detector.loss = original
run("resumed", lambda console: resume(folder / "resumed", console))
calls = []


def stopped_in_the_second(self, images, targets):
    calls.append(1)
    if len(calls) == 4 and rank == "1":
        os.kill(os.getpid(), signal.SIGTERM)
    return original(self, images, targets)


Detector.loss = stopped_in_the_second
settings = resolve([read_overlay(folder / "group.yaml")])
run("stopped", lambda console: train(settings, console, out=folder / "two-stopped"))
Detector.loss = original
run("continued", lambda console: resume(folder / "two-stopped", console))
"""


def _cut(split: str, folder: Path, *, images: int, with_objects: int | None = None) -> Path:
    """A json file of the first `images`, of which the first `with_objects` keep their objects."""
    document: dict[str, Any] = json.loads(
        (NUCLEI / "annotations" / f"instances_{split}.json").read_text()
    )
    document["images"] = document["images"][:images]
    ids = {image["id"] for image in document["images"][:with_objects]}
    document["annotations"] = [a for a in document["annotations"] if a["image_id"] in ids]
    path = folder / f"{split}-{images}-{with_objects}.json"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def cases(folder: Path, narrow: Overlay) -> dict[str, Settings]:
    """Settings by name; what the tests below compare or look at."""
    few = {"train_json": _cut("train", folder, images=6), "train_images": NUCLEI / "images"}
    both = {**few, "val_json": _cut("val", folder, images=3), "val_images": NUCLEI / "images"}
    blank = {**few, "train_json": _cut("train", folder, images=6, with_objects=1)}

    def cut(
        data: dict[str, Path],
        train: dict[str, Any],
        model: dict[str, Any],
        preset: str = "htc-tiny",
    ) -> Settings:
        changes = Overlay(model=model, train=train, data=data)
        return resolve([narrow, changes], preset_name=preset)

    return {
        "group": cut(both, SGD, {}),
        "fixed": cut(few, {**SHORT, "ema": 0.9}, FIXED, "detectors-htc-tiny"),
        "sizes": cut(few, {**SHORT, "augment": SIZES}, {}),
        "blank": cut(blank, SHORT, {}),
        "boxes": cut(blank, {**SHORT, "semantics": "none"}, {"cascade": BOX_ONLY}),
        "process": cut(few, {**SHORT, "normalise": "process"}, {}),
        "minutes": cut(both, {**SGD, "epochs": 10**6, "minutes": 0.01}, {}),
        "nan": cut(few, SHORT, {}),
        "three": cut(few, {**SHORT, "batch": 3}, {}),
    }


@pytest.fixture(scope="module")
def together(folder: Path, cases: dict[str, Settings]) -> Path:
    """The folder after two processes have run all cases and resumed a run of one process."""
    half = cases["group"].with_(train__epochs=1)
    train(half, Console(quiet=True), out=folder / "resumed")
    (folder / "resumed" / "config.yaml").write_text(cases["group"].to_yaml())
    shutil.copytree(folder / "resumed", folder / "alone")
    resume(folder / "alone", Console(quiet=True))
    for name, settings in cases.items():
        (folder / f"{name}.yaml").write_text(settings.to_yaml())
    script = folder / "together.py"
    script.write_text(TOGETHER)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    with (folder / "launcher.log").open("w") as log:
        done = subprocess.Popen(
            [*launcher, "--nproc-per-node", "2", str(script), str(folder)],
            stdout=log,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            code = done.wait(200)
        except subprocess.TimeoutExpired:
            done.terminate()  # torchrun ends its processes with itself
            code = done.wait()
    assert code == 0, (folder / "launcher.log").read_text()
    return folder


def rows(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def said(together: Path, case: str, rank: int = 0) -> str:
    return (together / f"{case}.{rank}.txt").read_text()


def assert_same_numbers(here: list[dict[str, float]], there: list[dict[str, float]]) -> None:
    """Three steps to 1e-4; of later ones the size.

    One image at a time and two at a time are rounded differently, and some steps later that turns
    a choice: which of two equal proposals is kept, which samples are drawn.
    """
    assert len(here) == len(there) >= 3
    for step, (one, two) in enumerate(zip(here, there, strict=True)):
        assert one.keys() == two.keys()
        exact = 1e-4 if step < 3 else 0.02
        for name in one.keys() - {"seconds_per_step"}:
            assert two[name] == pytest.approx(one[name], rel=exact, abs=1e-5), (step, name)


@pytest.mark.parametrize("case", ["group", "fixed", "sizes", "blank", "boxes"])
def test_two_processes_have_the_losses_of_one(
    case: str, together: Path, cases: dict[str, Settings], tmp_path: Path
) -> None:
    """Step by step, on images of one or of several sizes, with and without objects and masks."""
    run = train(cases[case], Console(quiet=True), out=tmp_path / "one").run
    assert_same_numbers(rows(run.path), rows(together / f"two-{case}"))
    one = load_model(run.best).detector.state_dict()
    two = load_model(together / f"two-{case}" / "best.safetensors").detector.state_dict()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_each_image_is_validated_once_and_predictions_keep_their_order(
    together: Path, cases: dict[str, Settings]
) -> None:
    """Three images on two processes."""
    data = cases["group"].data
    assert data.val_json is not None
    order = [image["id"] for image in json.loads(data.val_json.read_text())["images"]]
    found = json.loads((together / "two-group" / "predictions.json").read_text())
    ids = list(dict.fromkeys(row["image_id"] for row in found))
    assert ids == order
    assert len({json.dumps(row) for row in found}) == len(found)
    assert [row["image_id"] for row in found] == sorted(
        (row["image_id"] for row in found), key=order.index
    )


def test_only_the_first_speaks_and_says_who_shares_what(together: Path) -> None:
    assert "2 processes share the 2 images of a step equally" in said(together, "group")
    assert "divides its losses by what it counts itself" in said(together, "process")
    assert said(together, "group", rank=1) == ""
    assert sum(path.is_dir() for path in together.glob("two-group*")) == 1


def test_a_divisor_of_each_process_gives_other_losses(
    together: Path, cases: dict[str, Settings], tmp_path: Path
) -> None:
    run = train(cases["process"], Console(quiet=True), out=tmp_path / "one").run
    one, two = rows(run.path)[0], rows(together / "two-process")[0]
    assert one["loss"] != pytest.approx(two["loss"], rel=1e-3)
    assert one["stage0.class"] == pytest.approx(two["stage0.class"], rel=0.1)


def test_time_is_up_for_all_at_the_same_step(together: Path) -> None:
    assert "trained for" in said(together, "minutes")
    assert (together / "two-minutes" / "last.ckpt").is_file()


def test_a_loss_that_breaks_in_one_process_is_the_error_of_both(together: Path) -> None:
    assert said(together, "nan", 0) == said(together, "nan", 1)
    assert "runtime error R03: training diverged at step 0: rpn.box = nan" in said(together, "nan")


def test_a_batch_that_cannot_be_shared_is_refused(together: Path) -> None:
    for rank in (0, 1):
        assert "usage error U04: a step is 3 images over all processes" in said(
            together, "three", rank
        )


def test_two_processes_go_on_where_one_has_stopped(together: Path) -> None:
    assert "going on with" in said(together, "resumed")
    assert_same_numbers(rows(together / "alone"), rows(together / "resumed"))


def test_a_signal_to_one_stops_both_at_a_step_from_which_they_go_on_exactly(
    together: Path,
) -> None:
    """Step 5 is inside of the second epoch; what both leave is that of a run never stopped."""
    for rank in (0, 1):
        assert "interrupted after step 5; its state is kept" in said(together, "stopped", rank)
    assert "going on with" in said(together, "continued")
    found, expected = (
        [{k: v for k, v in row.items() if k != "seconds_per_step"} for row in rows(together / name)]
        for name in ("two-stopped", "two-group")
    )
    assert found == expected
    one = load_model(together / "two-group" / "best.safetensors").detector.state_dict()
    two = load_model(together / "two-stopped" / "best.safetensors").detector.state_dict()
    assert all(torch.equal(two[name], value) for name, value in one.items())
