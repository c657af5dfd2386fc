"""`scripts/study_page.py`: tables and pictures of the study find their places on its page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import study_page  # noqa: E402

TABLE = "| row | AP |\n| --- | ---: |\n| htc | 29.6 |"
SOURCE = (
    f"# 1 row\n\n## Costs\n\n| row |\n| --- |\n| htc |\n\n## Masks, gains\n\n{TABLE}\n\nIn words.\n"
)
MARKS = "<!-- {0}/Masks, gains -->\n{1}<!-- /{0}/Masks, gains -->"
MAIN, OTHER = "composed-main", "nuclei"


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    folder = tmp_path / "study" / MAIN
    folder.mkdir(parents=True)
    (folder / "table.md").write_text(SOURCE, encoding="utf-8")
    (folder / "gains.svg").write_text("<svg/>", encoding="utf-8")
    return folder.parent


@pytest.mark.parametrize("before", ["", "| old |\n| --- |\n| 1.0 |\n"])
def test_the_table_of_the_named_section_is_put_in(studies: Path, before: str) -> None:
    page = f"Words.\n\n{MARKS.format(MAIN, before)}\n\nMore.\n"
    text, missing = study_page.filled(page, studies)
    assert text == f"Words.\n\n{MARKS.format(MAIN, TABLE + chr(10))}\n\nMore.\n"
    assert missing == []
    assert study_page.filled(text, studies)[0] == text


def test_what_is_not_there_stays_as_it_was_and_is_said(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, pictures = tmp_path / "page.md", tmp_path / "pictures"
    other = MARKS.format(OTHER, "| old |\n")
    page.write_text(f"{MARKS.format(MAIN, '')}\n\n{other}\n\n{other}\n", encoding="utf-8")
    options = ["--page", str(page), "--pictures", str(pictures)]
    assert study_page.main([str(studies), *options]) == 0
    text = page.read_text(encoding="utf-8")
    assert TABLE in text
    assert text.count(other) == 2
    assert capsys.readouterr().err.count(OTHER) == 1
    assert [path.name for path in pictures.iterdir()] == ["gains.svg"]


@pytest.mark.parametrize(
    "page", ["No marks.\n", "<!-- composed-main/Costs -->\n<!-- /x/Costs -->\n"]
)
def test_a_page_without_marks_is_no_page_of_a_study(studies: Path, page: str) -> None:
    with pytest.raises(ValueError, match="marks"):
        study_page.filled(page, studies)


def test_nothing_is_written_when_a_section_is_not_in_the_table(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    content = f"{MARKS.format(MAIN, '')}\n{MARKS.format(MAIN, '').replace('gains', 'pains')}\n"
    page.write_text(content, encoding="utf-8")
    assert study_page.main([str(studies), "--page", str(page)]) == 1
    assert page.read_text(encoding="utf-8") == content
    said = capsys.readouterr().err
    assert "table.md" in said
    assert "'Masks, pains'" in said


def test_every_mark_of_the_page_of_the_study_has_its_end() -> None:
    page = study_page.PAGE.read_text(encoding="utf-8")
    starts = [line for line in page.splitlines() if line.startswith("<!-- ") and "/" in line]
    whole, _ = study_page.filled(page, ROOT / "no-runs")
    assert whole == page
    marks = study_page._MARK.findall(page)
    assert len(starts) == 2 * len(marks) > 0
    for folder, title in marks:
        assert TABLE in study_page.between_marks(page, f"{folder}/{title}", TABLE)
