"""The page about data sets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from relook.data.set_statistics import data_statistics
from relook.reports.data_set import write_data_page

MakeDataset = Callable[..., Path]


def test_data_sets_are_side_by_side(make_dataset: MakeDataset, tmp_path: Path) -> None:
    shapes = [[(0, 0, 8, 8), (4, 0, 8, 8)], [(20, 20, 16, 16)], []]
    first = data_statistics(make_dataset(tmp_path / "a", shapes))
    second = data_statistics(make_dataset(tmp_path / "b", shapes[:1]))
    path = tmp_path / "page.html"
    write_data_page(path, [first, second], ["near-identical images: <none>"])
    text = path.read_text()
    assert text.count("<svg") == 3
    for words in (
        "Objects in an image",
        "Sizes of objects",
        "Crowding",
        "4 images, 5 objects",
        "near-identical images: &lt;none&gt;",
        '<th scope="row">blob</th><td style="--share:1.000">3</td><td>2</td>',
        '<th scope="row">64 x 64</th><td>3</td>',
    ):
        assert words in text
    assert not re.search(r"<script|https?://(?!www\.w3\.org)", text)


def test_a_page_without_objects(make_dataset: MakeDataset, tmp_path: Path) -> None:
    write_data_page(tmp_path / "page.html", [data_statistics(make_dataset(tmp_path, [[]]))])
    text = (tmp_path / "page.html").read_text()
    assert "Nothing was recorded." in text
    assert "objects in an image: 0 to 0" in text
    assert "Near-identical" not in text
