"""The comparison of fine-tuning with training from scratch: its draws, its table, its stops."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import fine_tuning as benchmark  # noqa: E402

from relook.errors import RelookError  # noqa: E402

TRAIN = ROOT / "datasets" / "mushrooms" / "annotations" / "instances_train.json"
MUSHROOMS = str(ROOT / "datasets" / "mushrooms")


def _job(arm: str = "fine-tuned", images: int = 5, seed: int = 0) -> benchmark.Job:
    return benchmark.Job(arm, images, seed, 1.0, "nuclei", MUSHROOMS)


def _write(folder: Path, job: benchmark.Job, ap: float) -> None:
    numbers = {"mask AP": ap, "AP50": 0.5, "F1": 0.5, "count error": 3.0, "steps": 10}
    (folder / job.name).mkdir(parents=True)
    (folder / job.name / "numbers.json").write_text(json.dumps(numbers))


def test_a_seed_draws_the_same_images_for_both_and_others_than_another_seed() -> None:
    drawn = [
        {image["id"] for image in benchmark.draw(TRAIN, job)["images"]}
        for job in (_job(), _job("from-scratch"), _job(seed=1), _job(images=99))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(ids) for ids in drawn] == [5, 5, 5, 25]
    content = benchmark.draw(TRAIN, _job())
    assert {one["image_id"] for one in content["annotations"]} == drawn[0]


def test_the_table_has_means_and_spreads_and_trains_nothing_anew(tmp_path: Path) -> None:
    jobs = [_job(arm, seed=seed) for arm in benchmark.ARMS for seed in range(3)]
    for number, job in enumerate(jobs):
        _write(tmp_path, job, 0.1 * (number + 1))
    benchmark.run_all(jobs, tmp_path, [0])  # would start processes if anything were missing
    lines = benchmark.table(jobs, tmp_path).splitlines()
    assert len(lines) == 4
    assert "| 5 | fine-tuned | 0.200 (0.100 to 0.300) | 0.500 (0.500 to 0.500) |" in lines[2]
    assert "| 5 | from-scratch | 0.500 (0.400 to 0.600) |" in lines[3]
    assert lines[2].endswith("| 3.0 (3.0 to 3.0) | 10 | 3 |")


def test_a_training_that_fails_is_named(tmp_path: Path) -> None:
    job = benchmark.Job("fine-tuned", 5, 0, 1.0, str(tmp_path / "no-model"), MUSHROOMS)
    with pytest.raises(RelookError, match=r"R05.*fine-tuned-5-seed0 failed"):
        benchmark.run_all([job], tmp_path, [0])
