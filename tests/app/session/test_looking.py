"""Predictions that are made once and kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.app.refusals import Refusal
from relook.app.session.folders import Entry
from relook.app.session.looking import Predictions, turned_back
from relook.app.turns import BACKGROUND
from relook.errors import DataError, RelookError
from relook.inference.results import Result
from relook.structures.rules.reading import DEFAULT_READING

from .test_suggestions import SIZE, result


class Work:
    """Gives the same result each time, and notes what it was asked for."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.images = list(answers), []
        self.waiting: list[Any] = []

    async def predict(self, name: str | None, image: Any, options: Any, waiting: Any) -> Result:
        self.images.append(image)
        self.waiting.append(waiting)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def in_thread(self, function: Any, *arguments: Any) -> Any:
        return function(*arguments)


def entry(tmp_path: Path) -> Entry:
    path = tmp_path / "a.png"
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[:, :5] = 200
    Image.fromarray(pixels).save(path)
    return Entry(1, path, tmp_path)


async def settled(predictions: Predictions) -> None:
    while predictions.is_busy:
        await asyncio.sleep(0)


def test_an_image_is_predicted_once(tmp_path: Path) -> None:
    async def run() -> None:
        work = Work(result((2, 0.9)), result((2, 0.9)))
        predictions, image = Predictions(work), entry(tmp_path)
        assert predictions.known(image, "nuclei") is None
        assert predictions.get(image, "nuclei") is predictions.get(image, "nuclei") is None
        await settled(predictions)
        found = predictions.get(image, "nuclei")
        assert found is not None and len(found) == 1
        assert predictions.known(image, "nuclei") is found
        assert work.images == [image.path]
        assert predictions.get(image, "nuclei", mirrored=True, reading=DEFAULT_READING) is None
        await settled(predictions)
        mirrored = predictions.get(image, "nuclei", mirrored=True)
        assert mirrored is not None
        assert mirrored.boxes.tolist() == [[32, 2, 38, 8]]
        pixels = work.images[1].load()
        assert pixels[0, -1, 0] == 200 and pixels[0, 0, 0] == 0

    asyncio.run(run())


def test_the_image_that_was_asked_for_last_comes_first(tmp_path: Path) -> None:
    """What is looked at in the background comes last, until a person opens it."""

    async def run() -> None:
        work = Work(*[result((2, 0.9))] * 3)
        predictions = Predictions(work)
        look, before, opened = (replace(entry(tmp_path), id=number) for number in (1, 2, 3))
        predictions.get(look, "nuclei", is_background=True)
        predictions.get(before, "nuclei")
        predictions.get(opened, "nuclei")
        await asyncio.sleep(0)  # all three were begun
        first, second, third = (waiting.rank for waiting in work.waiting)
        assert first == BACKGROUND < 0 < second < third

    asyncio.run(run())


def test_errors_stay_and_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    async def run() -> None:
        busy, broken = Refusal.busy("full", 1), DataError("D02", "a.png is broken.")
        work = Work(busy, broken)
        predictions, image = Predictions(work), entry(tmp_path)
        assert predictions.get(image, "nuclei") is None
        await settled(predictions)
        assert predictions.get(image, "nuclei") is None
        await settled(predictions)
        for _ in range(2):
            with pytest.raises(DataError, match="broken"):
                predictions.get(image, "nuclei")
        assert image.message == str(broken)
        assert len(work.images) == 2

    asyncio.run(run())


def test_after_another_error_the_image_is_predicted_again(tmp_path: Path) -> None:
    async def run() -> None:
        full = RelookError("R04", "the batch does not fit")
        predictions, image = Predictions(Work(full, result((2, 0.9)))), entry(tmp_path)
        assert predictions.get(image, "nuclei") is None
        await settled(predictions)
        with pytest.raises(RelookError, match="does not fit"):
            predictions.get(image, "nuclei")
        assert image.message is None
        assert predictions.get(image, "nuclei") is None
        await settled(predictions)
        assert predictions.get(image, "nuclei") is not None

    asyncio.run(run())


def test_turned_back_twice_is_what_it_was() -> None:
    found = result((2, 0.9), (31, 0.2))
    once = turned_back(found)
    assert once.boxes.tolist() == [[32, 2, 38, 8], [3, 2, 9, 8]]
    assert once.dense_masks()[0, 4].nonzero()[0].tolist() == [32, 33, 34, 35, 36, 37]
    twice = turned_back(once)
    assert (twice.dense_masks() == found.dense_masks()).all()
    assert (twice.boxes == found.boxes).all()
