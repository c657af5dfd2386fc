"""A run is resumed on the data that it began with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from relook.errors import RelookError
from relook.training.fingerprint import check_same_data, fingerprint
from relook.training.settings import Settings
from relook.training.sources import read_sources


def renamed(content: dict[str, Any]) -> None:
    content["categories"][0]["name"] = "stone"


def one_more_class(content: dict[str, Any]) -> None:
    content["categories"].append({"id": 9, "name": "stone"})


def fewer_images(content: dict[str, Any]) -> None:
    content["images"] = content["images"][:2]
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] < 3]


def moved(content: dict[str, Any]) -> None:
    content["annotations"][0]["bbox"][0] += 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (renamed, r"the classes are stone \(7\), and were blob \(7\)"),
        (one_more_class, r"the classes are blob \(7\), stone \(9\), and were blob \(7\)"),
        (fewer_images, r"2 images, and it had 4; .*3 objects, and it had 7"),
        (moved, "other content, with as many images and objects"),
    ],
)
def test_a_change_is_named(
    change: Callable[[dict[str, Any]], None], words: str, small: Settings, blobs: Path
) -> None:
    def record() -> dict[str, Any]:
        settings, sources = read_sources(small)
        return json.loads(json.dumps(fingerprint(settings, sources)))

    before = record()
    check_same_data(before, record(), blobs.parent)
    content = json.loads(blobs.read_text())
    change(content)
    blobs.write_text(json.dumps(content))
    with pytest.raises(RelookError, match=words) as caught:
        check_same_data(before, record(), blobs.parent)
    assert caught.value.code == "R06"
    assert f"--weights {blobs.parent}" in caught.value.message
    check_same_data({}, record(), blobs.parent)  # a run of an older relook


def test_kinds_of_stuff_are_part_of_it(small: Settings) -> None:
    now = fingerprint(*read_sources(small))
    with pytest.raises(RelookError, match=r"stuff: none, and was sky \(20\)"):
        check_same_data({**now, "stuff": [{"id": 20, "name": "sky"}]}, now, Path("run"))
