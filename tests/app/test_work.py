"""Images of several requests, predicted together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.app.limits import Limits
from relook.app.models import ModelShelf
from relook.app.refusals import Refusal
from relook.app.session.folders import Entry
from relook.app.session.looking import Predictions
from relook.app.work import Work
from relook.errors import DataError, RelookError, UsageError
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.results import Result

from ..export.conftest import Small
from ..export.conftest import small as small
from .conftest import pixels


def run(shelf: ModelShelf, use: Callable[[Work], Awaitable[Any]], **limits: Any) -> Any:
    async def main() -> Any:
        work = Work(shelf, Limits(**limits))
        try:
            return await use(work)
        finally:
            work.stop()

    return asyncio.run(main())


def same(result: Result, other: Result) -> None:
    """Equal up to rounding: what a batch may change."""
    assert len(result) == len(other) > 3
    np.testing.assert_allclose(result.scores, other.scores, atol=1e-5)
    np.testing.assert_allclose(result.boxes, other.boxes, atol=1e-3)
    assert result.labels.tolist() == other.labels.tolist()


def test_each_request_gets_the_result_of_its_own_image(nuts: Predictor, shelf: ModelShelf) -> None:
    images = [pixels(80, 60, seed) if seed % 2 else pixels(60, 90, seed) for seed in range(8)]

    async def all_at_once(work: Work) -> list[Result]:
        results = await asyncio.gather(*(work.predict("nuts", image) for image in images))
        assert b'relook_images_total{model="nuts"} 8.0' in work.metrics.text()
        assert work.images.used == 0
        return list(results)

    results = run(shelf, all_at_once, batch=4)
    for image, result in zip(images, results, strict=True):
        same(result, nuts.predict(image))


def test_the_image_that_is_open_comes_before_looks_of_the_background(
    nuts: Predictor, shelf: ModelShelf, tmp_path: Path
) -> None:
    """Ten images are looked at; the last but one is opened while the network runs, then the last.
    The look that runs ends, then they come, the newest first."""
    for number in range(10):
        Image.fromarray(pixels(seed=number)).save(tmp_path / f"{number}.png")
    order: list[str] = []
    runs, go, predict = threading.Event(), threading.Event(), nuts.engine.run_prepared

    def slow(images: Any, *others: Any) -> Any:
        order.extend(Path(image.source).stem for image in images)
        runs.set()
        assert go.wait(20)
        return predict(images, *others)

    async def look(work: Work) -> None:
        predictions = Predictions(work)
        entries = [Entry(n, tmp_path / f"{n}.png", tmp_path) for n in range(10)]
        for entry in entries[:9]:
            predictions.get(entry, "nuts", is_background=True)
        await work.in_thread(runs.wait, 20)
        while sum(worker.waiting for worker in work.workers.values()) < 8:
            await asyncio.sleep(0.01)
        predictions.get(entries[8], "nuts")
        predictions.get(entries[9], "nuts")
        while sum(worker.waiting for worker in work.workers.values()) < 9:
            await asyncio.sleep(0.01)
        go.set()
        while predictions.is_busy:
            await asyncio.sleep(0.01)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nuts.engine, "run_prepared", slow)
        run(shelf, look, batch=1)
    assert order[1:3] == ["9", "8"] and sorted(order) == [str(number) for number in range(10)]


def test_options_change_what_is_found(nuts: Predictor, shelf: ModelShelf) -> None:
    options = PredictOptions().with_(max_dets=4, tile=96)
    result = run(shelf, lambda work: work.predict(None, pixels(150, 110), options))
    same(result, nuts.predict(pixels(150, 110), options))
    assert len(result) == 4 and result.tiles is not None


def test_more_than_the_queue_takes_is_refused_and_the_rest_done(
    shelf: ModelShelf, held: threading.Event
) -> None:
    async def too_many(work: Work) -> None:
        waiting = [asyncio.create_task(work.predict(None, pixels(seed=k))) for k in range(3)]
        while work.images.used < 3:
            await asyncio.sleep(0.01)
        with pytest.raises(Refusal, match="working on 3 images, and takes 3") as info:
            await work.predict(None, pixels())
        assert info.value.status == 429
        held.set()
        results = await asyncio.gather(*waiting)
        assert all(len(result) > 3 for result in results) and work.images.used == 0
        await work.predict(None, pixels())

    run(shelf, too_many, queue=3)


def test_what_takes_too_long_is_given_up(shelf: ModelShelf, held: threading.Event) -> None:
    async def too_long(work: Work) -> None:
        with pytest.raises(Refusal, match=r"no result within 1 s") as info:
            await work.predict(None, pixels())
        assert info.value.status == 504 and work.images.used == 0
        with pytest.raises(Refusal):  # it waits behind the first, and is never predicted
            await work.predict(None, pixels())
        held.set()
        await work.predict(None, pixels())
        assert b'relook_images_total{model="nuts"} 2.0' in work.metrics.text()

    run(shelf, too_long, seconds=1.0)


def test_errors_are_those_of_a_prediction(shelf: ModelShelf) -> None:
    async def fail(work: Work) -> None:
        with pytest.raises(UsageError, match="U01: model: there is no model 'bolts'"):
            await work.predict("bolts", pixels())
        with pytest.raises(DataError, match="D02"):
            await work.predict(None, b"no image")
        with pytest.raises(RelookError, match="M04: panoptic"):
            await work.predict(None, pixels(), PredictOptions().with_(panoptic=True))
        assert work.images.used == 0 and work.is_ready()

    run(shelf, fail)


def test_an_image_that_is_shrunk_too_far_has_a_notice(shelf: ModelShelf) -> None:
    async def read(work: Work) -> tuple[str, ...]:
        options = PredictOptions().with_(tile="off")
        return (await work.read(None, pixels(500, 500), options)).notices

    (notice,) = run(shelf, read)
    assert "500" in notice and "tile" in notice


def test_the_time_to_wait_follows_what_waits(shelf: ModelShelf) -> None:
    async def waits(work: Work) -> None:
        assert work.wait() == 0
        with work.images.taken(10):
            assert work.wait() == pytest.approx(5.0)  # a second each, before anything is known
        with work.images.taken(32):
            assert 5 < work.wait() <= 30

    run(shelf, waits)


def test_it_is_not_ready_without_models_or_with_a_dead_thread(shelf: ModelShelf) -> None:
    async def dies(work: Work) -> None:
        await work.predict(None, pixels())
        assert work.is_ready()
        (worker,) = work.workers.values()
        worker.stop()
        worker.join(60)
        assert not work.is_ready()

    run(shelf, dies)
    assert not run(ModelShelf(), lambda work: asyncio.sleep(0, work.is_ready()))


def test_models_on_one_device_take_turns(nuts: Predictor, shelf: ModelShelf) -> None:
    shelf.add("more", nuts)

    async def both(work: Work) -> None:
        running = 0
        predict = nuts.engine.run_prepared

        def alone(*arguments: Any) -> Any:
            nonlocal running
            running += 1
            assert running == 1
            found = predict(*arguments)
            running -= 1
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(nuts.engine, "run_prepared", alone)
            names = ["nuts", "more"] * 3
            await asyncio.gather(*(work.predict(name, pixels()) for name in names))
        assert set(work.workers) == {"nuts", "more"}

    run(shelf, both)


def test_onnx_files_are_served_too(small: Small) -> None:
    shelf = ModelShelf.of([f"small={small.path}"])
    image = pixels(96, 96)
    result = run(shelf, lambda work: work.predict("small", image), batch=4)
    expected = shelf.get().predict(image)
    assert len(result) == len(expected) and np.array_equal(result.boxes, expected.boxes)
    (about,) = shelf.describe()
    assert about["file"] == "small.onnx" and about["device"] == "cpu"
