"""The tables of the worst and the best images."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from relook.evaluation.pairing import ImagePairs, Unpaired
from relook.reports.images import ROWS, image_section

from .conftest import Make


def bad(number: int) -> ImagePairs:
    false = (Unpaired({"category_id": 1, "score": 0.5}, 0.0),) * number
    return ImagePairs(number, (), false, ())


def records(numbers: range) -> Any:
    return {n: SimpleNamespace(file_name=f"{n}.png") for n in numbers}


def names(part: str) -> list[str]:
    return re.findall(r'<th scope="row">(?:<a[^>]*>)?([^<]*)', part)


def test_few_images_are_one_table_and_many_are_two() -> None:
    few = image_section([bad(1), bad(2)], records(range(3)), 0.5, ())
    assert [names(part) for part in few.parts] == [[], ["2.png", "1.png"]]
    last = 2 * ROWS + 1
    images = [bad(number) for number in range(1, last + 1)]
    _, worst, best = image_section(images, records(range(last + 1)), 0.5, ()).parts
    assert names(worst) == [f"{n}.png" for n in range(last, last - ROWS, -1)]
    assert names(best) == [f"{n}.png" for n in range(1, ROWS + 1)]
    assert "+31" in worst
    assert image_section([], {}, 0.5, ()).parts == []


def test_names_lead_to_pictures_that_are_on_the_page(make_study: Make) -> None:
    content = "".join("".join(section.parts) for section in make_study().sections())
    links = re.findall(r'<th scope="row"><a href="#([^"]*)">([^<]*)', content)
    assert links == [("image1", "a.png"), ("image2", "b.png")]
    for anchor, name in links:
        assert content.count(f'<figure id="{anchor}">') == 1
        assert f"<figcaption>{name}: " in content.split(f'<figure id="{anchor}">')[1]
