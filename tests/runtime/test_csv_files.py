"""Tables as csv: nothing in them is a formula to a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import relook
from relook.errors import RelookError
from relook.runtime.csv_files import csv_cell, csv_text, read_csv, write_csv


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-1+cmd", "\uff1d1"]
)
def test_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    assert csv_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1.5", "+3e4", -2, 0.5, "cell", "a=b", ""])
def test_numbers_and_other_text_stay_as_they_are(value: object) -> None:
    assert csv_cell(value) == value


def test_what_is_undefined_is_empty_and_truth_is_a_number() -> None:
    assert csv_text(["a", "b", "c"], [[None, float("nan"), True]]) == "a,b,c\n,,1\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))))
def test_a_reader_gives_the_cells_back(cells: list[str]) -> None:
    text = csv_text(["x"] * len(cells), [cells])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if cells:
        assert rows[1] == [csv_cell(cell) for cell in cells]


def test_names_that_are_not_utf8_are_written(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["file"], [["scan\udce9.tif"]])
    assert (tmp_path / "a.csv").read_text() == "file\nscan\\udce9.tif\n"


def test_all_csv_is_written_here() -> None:
    """`csv` and pandas' own writer would leave formulas as they are."""
    package = Path(relook.__file__).parent
    users = [
        source.relative_to(package).as_posix()
        for source in package.rglob("*.py")
        if re.search(
            r"^\s*(import csv|from csv )|\b(frame|table|df)\.to_csv\(", source.read_text(), re.M
        )
    ]
    assert users == ["runtime/csv_files.py"]


def test_files_are_whole_or_absent(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["x"], [[1], [2]])
    assert (tmp_path / "a.csv").read_text() == "x\n1\n2\n"

    def broken() -> object:
        yield [3]
        raise OSError("no space")

    with pytest.raises(RelookError, match="R02"):
        write_csv(tmp_path / "a.csv", ["x"], broken())  # type: ignore[arg-type]
    assert (tmp_path / "a.csv").read_text() == "x\n1\n2\n"


def test_a_table_comes_back(tmp_path: Path) -> None:
    rows = [["a,b", "=1+1", "2"], ["ü\n", "'x", ""]]
    write_csv(tmp_path / "a.csv", ["name", "=x", "n"], rows)
    columns, found = read_csv(tmp_path / "a.csv")
    assert columns == ["name", "=x", "n"]
    assert [list(row.values()) for row in found] == rows


def test_tables_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("a;b\r\n1;\xfc\r\n\r\n".encode("latin-1"))
    assert read_csv(path) == (["a", "b"], [{"a": "1", "b": "ü"}])
    for content, words in ((b"", "names no columns"), (b"a,b\n1\n", "row 2 has 1 values")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=words):
            read_csv(path)
