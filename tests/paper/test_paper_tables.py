"""Published numbers have a source, remembered ones are not shown, measured ones are read."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from relook.ablation.rows import GROUPS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from paper import measured, published, runtime, tables  # noqa: E402
from paper.published import RECALLED  # noqa: E402
from paper.story_ends import HOLDS, second_look  # noqa: E402


def rows(html: str) -> dict[str, list[str]]:
    """Cells by the header of their row."""
    found = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', html)
    return {name: re.findall(r"<td[^>]*>(.*?)</td>", cells) for name, cells in found}


@pytest.mark.parametrize(
    "one", [*published.DETECTORS, *published.DSC, published.TIMES], ids=lambda one: one.caption[:30]
)
def test_rows_are_whole_and_say_where_they_are_from(one: published.PublishedTable) -> None:
    for name, numbers, source in one.rows:
        assert name and source
        assert (len(numbers) == 0) == (source == RECALLED)
        assert len(numbers) in (0, len(one.columns))
    assert one.beside.startswith("relook:")
    assert set(rows(tables.printed(one))) == {name.replace("&", "&amp;") for name, *_ in one.rows}


def test_rows_of_table_3_that_were_not_read_are_dashes() -> None:
    shown = rows(tables.ablation("rfp", "t") + tables.ablation("sac", "t"))
    for name in ("rfp+sharing", "rfp-aspp", "sac-dcn", "sac-dcn-locking"):
        *numbers, source, row = shown[tables.NAMES[name]]
        assert set(numbers) == {"–"} and row == name
        assert source == RECALLED
    *numbers, gain, source, row = shown[tables.NAMES["rfp+3x"]]
    assert gain == "+1.3" and row == "rfp+3x"
    assert RECALLED in source
    assert set(numbers) == {"–"}


def test_every_row_that_is_shown_has_words() -> None:
    for group in ("main", "rfp", "sac", "dsc", "guidance"):
        assert set(GROUPS[group]) <= set(tables.NAMES)
    assert len(set(tables.NAMES.values())) == len(tables.NAMES)


def test_main_rows_have_the_numbers_of_the_paper() -> None:
    shown = rows(tables.ablation("main", "t"))
    numbers = "46.2,65.1,50.2,27.9,50.3,60.3,40.4,62.5,43.5,22.3,43.8,54.9"
    cells = "".join(f"<td>{number}</td>" for number in numbers.split(","))
    assert f'<th scope="row">HTC with RFP</th>{cells}' in tables.ablation("main", "t")
    assert all(cells[-2] and cells[-1] for cells in shown.values())


def content(model: str, network: float, work: int) -> dict[str, object]:
    answers = [{"network": network, "suppression": 0.02, "paste": 0.01}]
    return {
        "group": "paper",
        "what": f"`{model}` over `htc-r50`, fast: network",
        "measured": {"median": network / 2, "low": network / 2, "high": network / 2},
        "samples": {"answers": answers, "multiply-adds": work},
    }


def results(folder: Path, name: str, models: dict[str, tuple[float, int]]) -> None:
    made = {
        "command": "python -m something",
        "commit": "abc1234",
        "threads": 2,
        "processor": "a processor",
        "python": "3.11.7",
        "packages": {"torch": "2.15.0"},
        "rows": [content(model, *numbers) for model, numbers in models.items()],
    }
    (folder / name).write_text(json.dumps(made))


def test_times_are_read_with_their_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results(tmp_path, "speed.json", {"htc-r50": (2.0, 100), "htc-r50-rfp": (3.0, 150)})
    (tmp_path / "other.json").write_text(json.dumps({"rows": [{"group": "sac", "what": "x"}]}))
    (found,) = measured.times(tmp_path).values()
    assert [(one.model, one.ratio, one.work) for one in found] == [
        ("htc-r50", 1.0, 1.0),
        ("htc-r50-rfp", 1.5, 1.5),
    ]
    assert found[1].after == pytest.approx(0.03)
    assert "abc1234" in found[0].source and "2.15.0" in found[0].source
    monkeypatch.setattr(measured, "times", lambda f=measured.times: f(tmp_path))
    several = tables.runtime()
    assert "have not been measured in one run" in several
    assert rows(several)["htc-r50-rfp"][0].startswith("1.50")


def test_one_run_of_all_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results(tmp_path, "speed.json", {"htc-r50": (2.0, 100), "htc-r50-rfp": (9.0, 150)})
    results(tmp_path, f"{runtime.NAME}.json", {"htc-r50": (2.0, 100), "dsc-r50": (8.0, 430)})
    monkeypatch.setattr(measured, "times", lambda f=measured.times: f(tmp_path))
    shown = tables.runtime()
    assert set(rows(shown)) == {"htc-r50", "dsc-r50"}
    assert rows(shown)["dsc-r50"][1] == "4.30"
    assert "not been measured" not in shown


def test_times_in_the_repository_are_found() -> None:
    models = {one.model for found in measured.times().values() for one in found}
    assert {"htc-r50", "detectors-htc-r50", "fast-dsc-r50", "dsc-r50"} <= models


def test_a_study_is_read_from_its_tables(tmp_path: Path) -> None:
    first = "| | x | y |\n| --- | --- | --- |\n| one | 1 | 2 |"
    text = f"**A**\n\n{first}\n\n| | z |\n| -- | -- |\n| n | 3 |\n"
    path = tmp_path / "study.md"
    path.write_text(text)
    assert measured.table_of(path, "**A**") == {"one": {"x": "1", "y": "2"}}
    assert measured.table_of(path, "**B**") == {}
    assert measured.table_of(tmp_path / "none.md", "**A**") == {}
    shown = rows(tables.study_of_dsc())
    study = (ROOT / "docs/studies/dsc.md").read_text()
    assert all(cell in study for cells in shown.values() for cell in cells)
    assert {"htc-tiny", "fast-dsc-tiny", "dsc-tiny"} <= set(shown)


def test_the_time_of_a_second_look_is_the_measured_one() -> None:
    (timed,) = [o for o in measured.times()[tables.FIRST] if o.model == "htc-r50-rfp"]
    _, here, why = second_look()
    assert f"{timed.work:.2f} times the multiply-adds" in why and f"{timed.ratio:.2f} times" in why
    assert here


def test_numbers_of_the_claims_are_those_of_the_study() -> None:
    study = (measured.STUDIES / "small-scale.md").read_text().replace("+", "")
    found = [
        number
        for _, _, why in HOLDS
        for gain, interval in re.findall(r"[+-]?(\d\.\d) (\[[^\]]*\])", why)
        for number in (gain, interval)
    ]
    assert len(found) >= 10
    assert [number for number in found if number not in study] == []
