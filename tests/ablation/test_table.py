"""Tables from numbers made by hand."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from relook.ablation.published import MEASURES, Published
from relook.ablation.table import RowResult, difference, markdown, mean_and_range, table_csv


def numbers(seed: int, *aps: float | None, mask: bool = True, **more: Any) -> dict[str, Any]:
    """What a job leaves: AP, AP50, ... of boxes, and of masks 0.1 below."""
    box = dict(zip(MEASURES, aps, strict=True))
    masks = {name: None if value is None else value - 0.1 for name, value in box.items()}
    costs = {"steps": 10 + seed, "images": 20, "minutes": 0.5, "memory": (3 + seed) * 10**9}
    metrics = {"box": box, "mask": masks if mask else None}
    return {"seed": seed, "metrics": metrics, **costs, **more}


ALL = (0.6, 0.4, 0.1, 0.3, None)
LOST = {"seed": 1, "diverged": "training diverged at step 7"}
PAPER = Published("a paper", (42.0, 60.0, 45.0, 23.0, 45.0, 56.0), (37.0,))
ZOO = Published("a zoo", (42.3,))
FIRST = RowResult(
    "htc", "htc-tiny", 2_500_000, 3_140_000_000, 0.0214,
    [numbers(0, 0.30, *ALL), numbers(1, 0.34, *ALL)], [PAPER, ZOO],
)  # fmt: skip
SECOND = RowResult(
    "+rfp", "htc-tiny-rfp", 5_000_000, 6_000_000_000, None, [numbers(0, 0.36, *ALL), LOST],
    [Published("a text", gain=1.3)],
)  # fmt: skip


def _cells(text: str, start: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_markdown_has_means_spreads_differences_and_sources() -> None:
    text = markdown([FIRST, SECOND])
    costs, box, mask, paper, zoo = _cells(text, "htc")
    assert costs == ["htc", "htc-tiny", "2.50", "3.1", "21", "4.00", "10", "20", "0.5"]
    assert box[:4] == ["htc", "32.0 ± 2.8 (30.0 to 34.0)", "-", "60.0 (60.0 to 60.0)"]
    assert box[4:] == ["40.0 (40.0 to 40.0)", "10.0 (10.0 to 10.0)", "30.0 (30.0 to 30.0)", "-",
                       "42.0", "a paper"]  # fmt: skip
    assert mask[1] == "22.0 ± 2.8 (20.0 to 24.0)" and mask[-2:] == ["37.0", "a paper"]
    assert paper == ["htc", "a paper", "42.0 60.0 45.0 23.0 45.0 56.0", "37.0"]
    assert zoo == ["htc", "a zoo", "42.3", "-"]
    costs, box, mask, said = _cells(text, "+rfp")
    assert costs[4:6] == ["-", "3.00"]
    assert box[1:3] == ["36.0", "+4.0"] and box[-2:] == ["-", "-"]
    assert mask[1:3] == ["26.0", "+4.0"]
    assert said == ["+rfp", "a text", "+1.3", "-"]
    assert "- +rfp, seed 1: training diverged at step 7" in text
    assert "| over htc |" in text


def test_a_table_without_masks_has_none() -> None:
    row = RowResult("a", "cascade-r50", 1, 1, 0.1, [numbers(0, 0.3, *ALL, mask=False)])
    text = markdown([row])
    assert "## Boxes" in text and "## Masks" not in text
    assert _cells(text, "a")[-1] == ["a", "-", "-", "-"]  # nobody published it
    assert "## Diverged" not in text


def test_csv_has_every_statistic_as_a_number() -> None:
    first, second = csv.DictReader(io.StringIO(table_csv([FIRST, SECOND])))
    assert (first["row"], first["seeds"], first["diverged"]) == ("htc", "2", "0")
    assert (second["seeds"], second["diverged"]) == ("1", "1")
    found = [float(first[f"mask_ap_{name}"]) for name in ("mean", "sd", "min", "max")]
    assert found == pytest.approx([22, 2.8284, 20, 24], abs=1e-3)
    assert float(second["box_ap_sd"]) == 0 and first["box_ap_large_mean"] == ""
    assert float(second["mask_ap_over_first"]) == pytest.approx(4)
    assert float(first["memory_bytes"]) == 4e9 and float(first["seconds_per_image"]) == 0.0214
    assert second["seconds_per_image"] == ""
    assert (first["published_box_ap"], first["published_box_source"]) == ("42.0", "a paper")
    assert (first["published_mask_ap50"], second["published_box_ap"]) == ("", "")


def test_a_row_that_is_called_like_a_formula_stays_text_in_csv() -> None:
    head, htc, sac = table_csv([FIRST, replace(FIRST, name="+sac")]).splitlines()
    assert htc.partition(",")[0] == "htc" and sac.partition(",")[0] == "'+sac"
    assert htc.count(",") == sac.count(",") == head.count(",")


def test_a_row_that_came_to_nothing_has_dashes() -> None:
    row = RowResult("lost", "htc-tiny", 1, 1, None, [LOST])
    text = markdown([FIRST, row])
    assert _cells(text, "lost")[1][1:3] == ["-", "-"]
    assert difference(FIRST, row, "box") is None
    assert row.memory is None and row.mean("steps") is None


def test_minutes_and_memory_of_a_cpu_and_a_gpu_are_not_mixed() -> None:
    on_gpu = [numbers(i, 0.3, *ALL, on="a GPU", minutes=2.0 + i, memory=5) for i in range(2)]
    on_cpu = numbers(2, 0.6, *ALL, on="cpu", minutes=60.0, memory=10**9)
    row = RowResult("htc", "htc-tiny", 1, 1, None, [LOST, *on_gpu, on_cpu])
    assert (row.mean("minutes"), row.memory) == (2.5, 5)
    assert row.values("box", "ap") == pytest.approx([30, 30, 60])


def test_means_and_ranges() -> None:
    assert mean_and_range([0.4, 0.44]) == "0.420 (0.400 to 0.440)"
    assert mean_and_range([1.25], 1) == "1.2"
    assert mean_and_range([0.4, None]) == mean_and_range([]) == "-"
