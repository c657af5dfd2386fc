"""A model on the image of a layer: options, progress, notes, cancelling, errors."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from relook.errors import DataError, RelookError, UsageError
from relook.inference.predictor import Predictor
from relook.napari.running import (
    Job,
    LayerImage,
    Progress,
    find_objects,
    least_score,
    options_of,
    shipped_models,
)

from ..narrow_models import FEW_TO_DETECT, narrow_config, predictor_of


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return predictor_of(narrow_config(num_classes=2, input__size=(64, 64), **FEW_TO_DETECT))


GREY = np.random.default_rng(0).integers(0, 4000, (48, 96), np.uint16)
IMAGE = LayerImage("cells", GREY)


def test_fields_become_options() -> None:
    options = options_of(tile=" 64 ", diameter="auto", channels="0,1,2")
    assert (options.tile, options.diameter, options.reading.channels) == (64, "auto", (0, 1, 2))
    options = options_of(tile="", diameter=" ")
    assert (options.tile, options.diameter, options.reading.channels) == (None, None, None)
    with pytest.raises(UsageError, match="tile"):
        options_of(tile="small")


def test_models_that_come_along() -> None:
    assert "nuclei" in shipped_models()


def test_objects_of_a_layer(predictor: Predictor) -> None:
    progress = Progress()
    same, result = find_objects(lambda: predictor, IMAGE, options_of(), progress)
    expected = predictor.predict(GREY, score=least_score(predictor))
    assert same is predictor
    assert result.source == "cells"
    assert (result.boxes == expected.boxes).all()
    assert progress.total == 0


def test_the_slider_has_something_to_show(predictor: Predictor) -> None:
    assert least_score(predictor) == 0.0
    shown = predictor_of(predictor.config, shown_from=0.4)
    assert least_score(shown) == max(shown.test_score, 0.05)


def test_tiles_are_counted_and_cancelled(predictor: Predictor) -> None:
    progress = Progress()
    find_objects(lambda: predictor, IMAGE, options_of(tile="64"), progress)
    assert progress.done == progress.total > 1

    class Impatient(Progress):
        def tile(self, image: object, done: int, total: int) -> None:
            self.cancel()
            super().tile(image, done, total)

    progress = Impatient()
    with pytest.raises(RelookError, match="cancelled"):
        find_objects(lambda: predictor, IMAGE, options_of(tile="64"), progress)
    assert progress.done == 1


def test_a_cancelled_run_does_not_begin() -> None:
    progress = Progress()
    progress.cancel()

    def load() -> Any:
        raise AssertionError

    with pytest.raises(RelookError, match="cancelled"):
        find_objects(load, IMAGE, options_of(), progress)


def test_errors_name_the_layer(predictor: Predictor) -> None:
    image = LayerImage("cells", np.zeros((8, 8), complex))
    with pytest.raises(DataError, match="cells holds complex128"):
        find_objects(lambda: predictor, image, options_of(), Progress())


def test_warnings_become_notes(predictor: Predictor) -> None:
    def load() -> Predictor:
        logging.getLogger("relook").warning("taking %s", "this one")
        Job(lambda: logging.getLogger("relook").warning("of another thread")).result()
        return predictor

    progress = Progress()
    find_objects(load, IMAGE, options_of(), progress)
    assert progress.notes[0] == "taking this one"
    assert "of another thread" not in progress.notes
    assert not [h for h in logging.getLogger("relook").handlers if "Collector" in repr(h)]


def test_a_job_gives_its_value_or_its_error() -> None:
    job = Job(lambda: 7)
    assert job.result() == 7
    assert job.is_done

    def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        Job(fail).result()
