from __future__ import annotations

from pathlib import Path

import pytest

from relook.data.checks.registry import check_subjects
from relook.data.checks.subject import read_subject
from relook.reports.data_check import write_page

from ..annotated_discs import Discs, Document, make_discs


@pytest.fixture
def discs(tmp_path: Path) -> Discs:
    return make_discs(tmp_path)


def test_worst_first_with_pictures_and_without(discs: Discs, tmp_path: Path) -> None:
    def change(document: Document) -> None:
        document["annotations"][2]["bbox"][0] += 30
        document["categories"].append({"id": 2, "name": "<b>debris</b>"})
        document["images"].append({"id": 5, "file_name": "gone.png", "width": 9, "height": 9})

    subject = read_subject(discs.json(change), discs.images)
    (discs.images / "im0.png").write_bytes(b"")
    findings = check_subjects([subject], near_duplicates=False)
    write_page(tmp_path / "page.html", [subject], findings)
    text = (tmp_path / "page.html").read_text()
    places = [text.index(f">{finding.code}: ") for finding in findings]
    assert places == sorted(places)
    assert "&lt;b&gt;debris" in text
    assert "<b>" not in text
    assert text.count("data:image/jpeg;base64") >= 1
    write_page(tmp_path / "none.html", [subject], [])
    assert "Nothing was found." in (tmp_path / "none.html").read_text()
