"""The comparison of HTC and DSC: its models, its table, its stops."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from relook.config.cascades import DSCConfig
from relook.evaluation.crowding.rule import OVERLAPS, SHARES

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import guided as benchmark  # noqa: E402


def _job(arm: str, seed: int = 0) -> benchmark.Job:
    return benchmark.Job(arm, "mushrooms", seed, 1.0, str(ROOT / "datasets" / "mushrooms"))


def _write(folder: Path, job: benchmark.Job, ap: float) -> None:
    images = [[ap if row < 3 else None for _ in SHARES] for row, _ in enumerate(OVERLAPS)]
    kind = {"ap_of_images": images, "ap_of_objects": [ap] * len(OVERLAPS)}
    counts = [[25] * len(SHARES)] * len(OVERLAPS)
    huddles = {"images": counts, "box": kind, "mask": kind}
    found = {"box AP": ap, "mask AP": ap, "mask AP50": ap, "steps": 10, "huddles": huddles}
    (folder / job.name).mkdir(parents=True)
    (folder / job.name / "numbers.json").write_text(json.dumps(found))


def test_the_arms_differ_in_the_cascade_only() -> None:
    htc, fast, dsc, paper = (benchmark.config_of(arm, "composed") for arm in benchmark.ARMS)
    assert htc.cascade.kind == "htc"
    assert isinstance(fast.cascade, DSCConfig) and isinstance(dsc.cascade, DSCConfig)
    assert (fast.cascade.guidance.side, dsc.cascade.guidance.side) == (7, 14)
    changed = DSCConfig.paper().model_dump(exclude_defaults=True)
    assert paper == dsc.with_(cascade=changed) != dsc
    assert {c.with_(cascade=htc.cascade) == htc for c in (fast, dsc, paper)} == {True}


def test_the_table_has_means_ranges_and_differences(tmp_path: Path) -> None:
    jobs = [_job(arm, seed) for seed in (0, 1) for arm in ("htc-tiny", "dsc-tiny")]
    for job, ap in zip(jobs, (0.30, 0.40, 0.32, 0.44), strict=True):
        _write(tmp_path, job, ap)
    benchmark.run_all(jobs, tmp_path, [0], Path("nothing to start"), benchmark._told)
    text = benchmark.table(jobs, tmp_path, {"mushrooms": {"htc-tiny": 2.0, "dsc-tiny": 5.0}})
    assert "| dsc-tiny | 0.420 (0.400 to 0.440) |" in text and "| 10 | 2.50 |" in text
    assert "+11.0 / +11.0 (25)" in text
    assert "- (25)" in text  # where a cell has no AP
    assert "fast-dsc-tiny over" not in text


def test_times_are_positive_and_of_every_arm() -> None:
    times = benchmark.seconds_per_image(["htc-tiny"], "composed", 1)
    assert list(times) == ["htc-tiny"] and times["htc-tiny"] > 0
