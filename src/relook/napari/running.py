"""A model on the image of a layer, in a thread: what is chosen, how far it is, and an end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread, get_ident
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from ..data.images.spelled import parse_reading
from ..errors import RelookError
from ..inference.options import PredictOptions
from ..inference.preprocess import Unreadable
from ..inference.results import Result
from ..weights.shipped import SHIPPED

if TYPE_CHECKING:
    from ..inference.predictor import Predictor

LEAST_SCORE: Final = 0.05
"""Score from which objects are kept for the slider, where the model does not find more anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerImage:
    """The image of a layer, by the name of the layer."""

    name: str
    values: NDArray[Any] = field(repr=False)  # (H, W) or (H, W, C)

    def load(self) -> NDArray[Any]:
        """The values."""
        return self.values


class Progress:
    """Progress of a run, for another thread to read, and that thread's wish to end it."""

    def __init__(self) -> None:
        self.done, self.total = 0, 0  # tiles; no total for an image that is seen as a whole
        self.step = "starting"
        self.notes: list[str] = []  # what a person should know
        self._is_cancelled = Event()

    def cancel(self) -> None:
        """End the run at its next step."""
        self._is_cancelled.set()

    def check(self) -> None:
        """Raise `RelookError` R01 where the run is to end."""
        if self._is_cancelled.is_set():
            raise RelookError("R01", "cancelled; nothing was added to the viewer")

    def begin(self, step: str) -> None:
        """Go on to a step, unless the run is to end.

        Raises:
            RelookError: R01 where it is.
        """
        self.check()
        self.step, self.done, self.total = step, 0, 0

    def tile(self, image: object, done: int, total: int) -> None:
        """Note a tile of a large image; raises as `check`."""
        self.done, self.total = done, total
        self.check()


def shipped_models() -> list[str]:
    """Names of the models that come with relook."""
    return list(SHIPPED)


def options_of(
    *, tile: str = "auto", diameter: str = "", channels: str = "", intensities: str = ""
) -> PredictOptions:
    """The options that are written in the fields of the widget; an empty one is not said.

    Raises:
        UsageError: U03 for text that makes no sense, U04 for fields that do not go together.
    """
    reading = parse_reading(channels.strip() or None, intensities=intensities.strip() or None)
    return PredictOptions(reading=reading).with_(
        tile=tile.strip() or None, diameter=diameter.strip() or None
    )


def least_score(predictor: Predictor) -> float:
    """The score from which objects are looked for, so that the slider has something to show."""
    return min(predictor.shown_from, max(predictor.test_score, LEAST_SCORE))


def find_objects(
    load: Callable[[], Predictor], image: LayerImage, options: PredictOptions, progress: Progress
) -> tuple[Predictor, Result]:
    """The predictor that `load` gives, and the objects of at least `least_score` in an image.

    Warnings of the run are notes of `progress`. An image that is seen as a whole ends only after
    the network has seen it.

    Raises:
        RelookError: R01 where the run was cancelled, and as `relook.load` and
            `Predictor.predict`.
    """
    with _warnings_as_notes(progress.notes):
        progress.begin("loading the model")
        predictor = load()
        progress.begin("finding objects")
        options = options.with_(score=least_score(predictor))
        outcomes = predictor.outcomes(
            [image], options, on_tile=progress.tile, say=progress.notes.append
        )
        with closing(outcomes):
            (outcome,) = outcomes
        progress.check()
    if isinstance(outcome, Unreadable):
        raise outcome.error
    return predictor, outcome


class Job:
    """A function that runs in a thread, and what came of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._future: Future[Any] = Future()
        Thread(target=self._run, name="relook", daemon=True).start()

    @property
    def is_done(self) -> bool:
        """Return whether the function has ended."""
        return self._future.done()

    def result(self) -> Any:
        """Value of the function, once it has ended; raises what it raised."""
        return self._future.result()

    def _run(self) -> None:
        try:
            self._future.set_result(self._function())
        except BaseException as error:  # noqa: BLE001 - `result` raises it
            self._future.set_exception(error)


@contextmanager
def _warnings_as_notes(notes: list[str]) -> Iterator[None]:
    """Add what relook logs as a warning in this thread to `notes`."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                notes.append(record.getMessage())

    thread, logger, handler = get_ident(), logging.getLogger("relook"), Collector(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
