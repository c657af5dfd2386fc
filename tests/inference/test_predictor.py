"""Predicting on whatever people call an image."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from relook import api
from relook.config.model import ModelConfig
from relook.errors import DataError, ModelError, RelookError, UsageError
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Prepared, Unreadable, read
from relook.inference.results import Result
from relook.inference.scaling import Scaling
from relook.models.build import build_detector
from relook.runtime.prefetch import THREAD
from relook.structures.object_sizes import ObjectSizes

from ..narrow_models import NUT_AND_BOLT, predictor_of
from .conftest import narrow


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    return narrow("detectors-htc-tiny")


@pytest.fixture(scope="module")
def predictor(config: ModelConfig) -> Predictor:
    return predictor_of(config)


def picture(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray[Any, Any]:
    small = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.array(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def same(a: Result, b: Result, tolerance: float = 0.0) -> bool:
    return (
        len(a) == len(b)
        and np.array_equal(a.labels, b.labels)
        and np.allclose(a.boxes, b.boxes, atol=tolerance * 100, rtol=0)
        and np.allclose(a.scores, b.scores, atol=tolerance, rtol=0)
    )


def test_one_image_gives_one_result_in_its_pixels(predictor: Predictor) -> None:
    image = picture()
    result = predictor.predict(image)
    assert isinstance(result, Result)
    assert len(result) > 0
    assert result.size == (60, 80)
    assert result.boxes.min() >= 0
    assert result.boxes[:, 2].max() <= 80
    assert result.boxes[:, 3].max() <= 60
    assert (np.diff(result.scores) <= 0).all()
    assert set(result.names) <= {"nut", "bolt"}
    assert result.masks is not None
    assert len(result.masks) == len(result)


def test_every_kind_of_image_gives_the_same(predictor: Predictor, tmp_path: Path) -> None:
    image = picture()
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    first = predictor.predict(image)
    kinds: list[Any] = [
        path,
        str(path),
        Image.fromarray(image),
        torch.from_numpy(image).permute(2, 0, 1),
        torch.from_numpy(image).permute(2, 0, 1) / 255,
    ]
    results = predictor.predict(kinds)
    assert all(same(first, other) for other in results)
    assert [r.source for r in results] == [str(path), str(path), None, None, None]


def test_a_read_only_array_is_an_image(predictor: Predictor) -> None:
    image = picture(96, 128)  # the size of the network's input: nothing is copied on the way
    expected = predictor.predict(image)
    image.flags.writeable = False
    assert same(expected, predictor.predict(image))


def test_a_list_gives_a_list_in_order(predictor: Predictor) -> None:
    images = [picture(40 + 10 * i, 80, seed=i) for i in range(5)]
    results = predictor.predict(images)
    assert [r.size for r in results] == [(40 + 10 * i, 80) for i in range(5)]
    assert predictor.predict([]) == []
    assert len(predictor.predict([images[0]])) == 1


def test_batches_do_not_change_results(predictor: Predictor) -> None:
    images = [picture(60, 80, seed=i) if i % 3 else picture(80, 60, seed=i) for i in range(7)]
    alone = [predictor.predict(image) for image in images]
    together = predictor.predict(images, batch_size=3)
    assert all(same(a, b, 1e-4) for a, b in zip(alone, together, strict=True))


def test_size_is_what_the_network_sees(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    detect = predictor.detector.detect

    def watched(images: Any, **options: Any) -> Any:
        seen.append(images.sizes[0])
        return detect(images, **options)

    monkeypatch.setattr(predictor.detector, "detect", watched)
    predictor.predict(picture(60, 80))
    predictor.predict(picture(60, 80), size=(200, 150))
    predictor.predict(picture(60, 80), size=(160, 160))
    assert seen == [(96, 128), (150, 200), (120, 160)]


def test_score_and_max_dets_stand_in_for_the_models_own(predictor: Predictor) -> None:
    image = picture()
    all_of_them = predictor.predict(image)
    middle = float(np.median(all_of_them.scores))
    assert predictor.predict(image, score=middle).scores.min() >= middle
    assert len(predictor.predict(image, max_dets=3)) == 3
    assert len(all_of_them) == 8  # the model's own cap
    assert len(predictor.predict(image, max_dets=12)) == 12
    assert len(predictor.predict(image, score=1.0)) == 0
    assert same(all_of_them, predictor.predict(image))  # nothing of this lasts


def test_nothing_found_has_the_right_shapes(predictor: Predictor) -> None:
    result = predictor.predict(picture(), score=1.0)
    assert result.boxes.shape == (0, 4)
    assert result.scores.shape == result.labels.shape == (0,)
    assert result.dense_masks().shape == (0, 60, 80)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 2), (50, 6000), (6000, 50)])
def test_odd_sizes(predictor: Predictor, height: int, width: int) -> None:
    result = predictor.predict(np.full((height, width, 3), 128, np.uint8))
    assert result.size == (height, width)


def test_a_detector_in_training_stays_in_training(config: ModelConfig) -> None:
    predictor = Predictor(build_detector(config).train(), config, NUT_AND_BOLT, device="cpu")
    predictor.predict(picture())
    assert predictor.detector.training
    assert all(p.grad is None for p in predictor.detector.parameters())
    predictor.detector.eval()
    predictor.predict(picture())
    assert not predictor.detector.training


def test_threads_may_share_a_predictor(predictor: Predictor) -> None:
    image = picture()
    counts: dict[int, int] = {}

    def work(number: int) -> None:
        counts[number] = len(predictor.predict(image, max_dets=number))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {n: n for n in range(1, 7)}


def in_turn(predictor: Predictor, path: Path, size: tuple[int, int]) -> Result:
    """A result whose parts are computed one after the other, in this thread."""
    one = read(path, size)
    assert isinstance(one, Prepared)
    options = PredictOptions(size=(192, 192), score=predictor.shown_from)
    (found,) = predictor.engine.run_prepared([one], options)
    return Result.from_detections(found, one.image, predictor.classes, one.source, info=one.info)


def test_overlapping_changes_no_bit_on_real_images() -> None:
    nuclei = api.load("nuclei", device="cpu")
    folder = Path(__file__).resolve().parents[2] / "datasets" / "nuclei" / "images"
    paths = sorted(folder.glob("*.jpg"))[:5]
    expected = [in_turn(nuclei, path, (192, 192)) for path in paths]
    found = list(nuclei.stream(paths, size=(192, 192)))
    assert sum(len(one) for one in found) > 20
    for a, b in zip(expected, found, strict=True):
        assert a.to_json() == b.to_json()
        assert np.array_equal(a.image, b.image)


def test_stream_takes_a_few_images_at_a_time(predictor: Predictor) -> None:
    taken = []

    def endless() -> Iterator[np.ndarray[Any, Any]]:
        while True:
            taken.append(1)
            yield picture()

    stream = predictor.stream(endless())
    for number in range(1, 5):
        next(stream)
        assert len(taken) <= number + 4


def test_an_abandoned_stream_leaves_no_thread(predictor: Predictor) -> None:
    for batch_size in (1, 2):
        stream = predictor.stream([picture()] * 20, batch_size=batch_size)
        next(stream)
        assert any(t.name.startswith(THREAD) for t in threading.enumerate())
        del stream
        assert not any(t.name.startswith(THREAD) for t in threading.enumerate())


@pytest.mark.parametrize("batch_size", [1, 2])
def test_unreadable_images_are_named_in_their_place(
    predictor: Predictor, tmp_path: Path, batch_size: int
) -> None:
    sources: list[Any] = [picture(60, 80, seed=i) if i % 3 else picture(80, 60) for i in range(9)]
    for i in (0, 2, 3, 7, 8):
        sources[i] = tmp_path / f"{i}.png"
    order = [
        one.source.name if isinstance(one, Unreadable) else "found"
        for one in predictor.outcomes(sources, batch_size=batch_size)
    ]
    names = ["0.png", "found", "2.png", "3.png", "found", "found", "found", "7.png", "8.png"]
    assert order == names


def test_an_error_behind_the_network_surfaces(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Result.from_detections
    made: list[Result] = []

    def failing(*arguments: Any, **options: Any) -> Result:
        if len(made) == 2:
            raise RelookError("R04", "no room to paste")
        made.append(make(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(Result, "from_detections", failing)
    stream = predictor.stream([picture()] * 9)
    assert [next(stream).masks, next(stream).masks] == [result.masks for result in made]
    with pytest.raises(RelookError, match="no room to paste"):
        next(stream)
    assert not any(t.name.startswith(THREAD) for t in threading.enumerate())


def test_outcomes_go_on_after_an_unreadable_image_and_stream_does_not(
    predictor: Predictor, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    Image.fromarray(picture()).save(tmp_path / "good.png")
    paths = [tmp_path / name for name in ("bad.png", "good.png", "gone.png")]
    bad, good, gone = predictor.outcomes(paths)
    assert isinstance(good, Result) and good.source == str(paths[1])
    assert isinstance(bad, Unreadable) and (bad.source, bad.error.code) == (paths[0], "D02")
    assert isinstance(gone, Unreadable) and (gone.source, gone.error.code) == (paths[2], "D01")
    with pytest.raises(DataError, match=r"bad\.png"):
        list(predictor.stream(paths))
    stream = predictor.stream(paths[1:])
    assert next(stream).source == str(paths[1])
    with pytest.raises(DataError, match=r"gone\.png"):
        next(stream)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"size": (100, 200)}, "size"),
        ({"size": (100, 0)}, "size"),
        ({"size": (100,)}, "size"),
        ({"score": 1.5}, "score"),
        ({"score": float("nan")}, "score"),
        ({"max_dets": 0}, "max_dets"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_options_that_make_no_sense(
    predictor: Predictor, options: dict[str, Any], named: str
) -> None:
    with pytest.raises(UsageError, match=f"U03: {named}"):
        predictor.predict(picture(), **options)


def test_an_option_that_is_none(predictor: Predictor) -> None:
    with pytest.raises(UsageError, match=r"U02: unknown option 'scor'.*score"):
        predictor.predict(picture(), scor=0.3)  # type: ignore[call-overload]


def test_every_door_counts_the_same(config: ModelConfig) -> None:
    """The length of a result, its counts, its picture and its json are of the objects from the
    score that the model shows on; an evaluation sees all."""
    torch.manual_seed(0)
    every = Predictor(build_detector(config), config, NUT_AND_BOLT, device="cpu", shown_from=0.0)
    found = every.predict(picture())
    middle = float(np.median(found.scores))
    model = Predictor(every.detector, config, NUT_AND_BOLT, device="cpu", shown_from=middle)
    shown = model.predict(picture())
    assert 0 < len(shown) < len(found)
    assert shown.scores.min() >= np.float32(middle)
    assert sum(shown.counts().values()) == len(shown) == len(shown.to_json()["objects"])
    assert np.array_equal(shown.draw(), found.draw(score=middle))
    assert len(model.predict(picture(), score=model.test_score)) == len(found)
    assert len(model.predict(picture(), PredictOptions(score=0.0))) == len(found)
    assert len(model.predict(picture(), PredictOptions(score=0.0), max_dets=1)) == 1


def test_no_object_is_below_the_score_that_was_asked_for(config: ModelConfig) -> None:
    """Soft suppression lowers scores after the network's own test of them."""
    torch.manual_seed(0)
    soft = config.with_(cascade__select__suppression="soft_nms", cascade__select__max_detections=40)
    model = Predictor(build_detector(soft), soft, NUT_AND_BOLT, device="cpu", shown_from=0.0)
    found = model.predict(picture())
    middle = float(np.median(found.scores))
    expected = found.filter(middle)
    shown = model.predict(picture(), score=middle)
    assert shown.scores.min() >= np.float32(middle)
    assert 0 < len(expected) < len(found)
    assert same(shown, expected, 1e-6)


def test_more_objects_than_proposals(config: ModelConfig) -> None:
    """The preset has 20 proposals; a cap of 200 objects is not held back by them."""
    torch.manual_seed(0)
    detector = build_detector(config)
    torch.nn.init.constant_(detector.rpn.objectness.bias, 4.0)  # a picture full of objects
    model = Predictor(detector, config, NUT_AND_BOLT, device="cpu", shown_from=0.0)
    big = np.tile(picture(), (2, 2, 1))
    assert len(model.predict(big, max_dets=8)) == 8
    assert len(model.predict(big, max_dets=200)) > 40  # 2 classes for each of 20 proposals
    assert len(model.predict(big, max_dets=200, tta="flip")) > 40
    torch.nn.init.constant_(detector.rpn.objectness.bias, -4.0)  # and of none
    assert len(model.predict(big, max_dets=200)) <= 40


def test_a_size_no_machine_can_hold(predictor: Predictor) -> None:
    with pytest.raises(ModelError, match=r"M05.*smaller size"):
        predictor.predict(picture(), size=(100_000, 100_000))


def test_out_of_memory_says_what_to_lower(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(predictor.detector, "detect", full)
    with pytest.raises(RelookError, match=r"R04: 1 image of 128x96.*batch_size"):
        predictor.predict(picture())


def test_classes_must_fit(config: ModelConfig) -> None:
    with pytest.raises(ModelError, match="2 classes apart, 1 were named"):
        Predictor(build_detector(config), config, NUT_AND_BOLT[:1], device="cpu")


def test_repr_says_what_it_is(predictor: Predictor) -> None:
    text = repr(predictor)
    assert "2 classes: nut, bolt" in text
    assert "128x96" in text
    assert "cpu" in text


SIZES = ObjectSizes((8.0, 12.0, 16.0, 24.0, 40.0), (4.0, 60.0), 30, "masks")


@pytest.fixture
def sized(predictor: Predictor, config: ModelConfig) -> Predictor:
    """The predictor, with sizes of training objects."""
    return Predictor(
        predictor.detector, config, NUT_AND_BOLT, device="cpu", shown_from=0.0, sizes=SIZES
    )


def test_a_diameter_decides_the_size(sized: Predictor) -> None:
    image = picture()
    result = sized.predict(image, diameter=8)  # times two: 160 x 120 pixels
    assert same(result, sized.predict(image, size=(160, 120)))
    assert result.scale is not None and result.scale.factor == 2
    assert result.to_json()["scale"]["diameter"] == 8
    plain = sized.predict(image)
    assert plain.scale is None and "scale" not in plain.to_json()
    assert sized.first_stages(1).sizes == sized.sizes == SIZES
    assert "objects: eight in ten of 30 training objects" in sized.describe()
    with pytest.raises(ModelError, match=r"M04: diameter: the model file does not say"):
        Predictor(sized.detector, sized.config, NUT_AND_BOLT, device="cpu").predict(
            image, diameter=8
        )


@pytest.mark.parametrize("changes", [{}, {"tta": "flip"}])
def test_a_first_look_is_what_its_scale_gives(sized: Predictor, changes: Any) -> None:
    """Whatever it chooses, alone or in batches, the result is that of the scale it names."""
    images = [picture(60, 80, seed=1), picture(80, 60, seed=2)]
    alone = [sized.predict(image, diameter="auto", **changes) for image in images]
    together = sized.predict(images, diameter="auto", batch_size=2, **changes)
    for image, one, other in zip(images, alone, together, strict=True):
        assert one.scale is not None and one.scale == other.scale
        assert same(one, other, 1e-4)
        height, width = image.shape[:2]
        limits = Scaling(SIZES, sized.config.input.size).limits((height, width), one.scale.factor)
        assert same(one, sized.predict(image, size=limits, **changes), 1e-5)


def test_an_unreadable_image_has_no_scale(sized: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    found = list(sized.outcomes([tmp_path / "a.png", picture()], diameter="auto"))
    assert isinstance(found[0], Unreadable)
    assert isinstance(found[1], Result) and found[1].scale is not None


def test_objects_are_followed_over_images(predictor: Predictor) -> None:
    images = [picture(60, 80), picture(60, 80)]
    tracked = list(predictor.track(images, max_dets=3))
    assert [len(result) for result in tracked] == [3, 3]
    first, second = (result.tracks for result in tracked)
    assert first is not None and second is not None
    assert first.tolist() == [1, 2, 3] and second.tolist() == [1, 2, 3]
    assert same(predictor.predict(images[0], max_dets=3), tracked[0])
    with pytest.raises(UsageError, match="U02"):
        list(predictor.track(images, scor=1))  # type: ignore[call-arg]


def test_a_field_of_the_model_is_changed_with_the_same_weights(predictor: Predictor) -> None:
    other = predictor.changed({"cascade": {"select": {"suppress_in": "network", "nms_iou": 0.9}}})
    assert other.config.cascade.select.suppress_in == "network"
    assert predictor.config.cascade.select.suppress_in == "original"
    ours, theirs = predictor.detector.state_dict(), other.detector.state_dict()
    assert all(ours[name] is not None and ours[name].equal(theirs[name]) for name in ours)
    image = np.full((64, 64, 3), 90, np.uint8)
    assert len(other.predict(image)) >= len(predictor.predict(image))
    with pytest.raises(UsageError, match="other tensors than its weights are for"):
        predictor.changed({"cascade": {"box_hidden": 32}})
