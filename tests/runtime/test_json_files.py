"""Files of relook's own are what they were, or an error that says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from relook.errors import DataError
from relook.runtime.json_files import read_json


@dataclass(frozen=True)
class Done:
    steps: int
    on: str | None = None


def test_values(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"steps": 3}')
    assert read_json(path, Done, "") == Done(3)
    assert read_json(path, dict[str, Any], "") == {"steps": 3}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"steps": "x"}',
        b'{"on": "cpu"}',
        b'{"steps": 1',
        b"\xff",
        b"[" * 100_000,
        b"9" * 9000,
        b'{"steps": ' + b"9" * 9000 + b"}",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_damage_is_named_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(
        DataError, match=r"D03: .*a\.json is damaged \(.+\)\. Delete it\."
    ) as caught:
        read_json(tmp_path / "a.json", Done, "Delete it.")
    assert len(caught.value.message) < 500


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"D01.*no such file\. Run it again"):
        read_json(tmp_path / "a.json", Done, "Run it again.")
    with pytest.raises(DataError, match="D03"):
        read_json(tmp_path, Done, "")
