"""Objects followed over the frames of a run: identities, annotated films, and going on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from fractions import Fraction
from typing import Any, Final, Self

import numpy as np

from ...data.images import Pixels, open_image
from ...data.images.shown import as_picture
from ...data.sources.found import Found
from ...data.sources.sequences import FrameSequence, sequences_of
from ...data.sources.stored import AnyImage
from ...errors import UsageError, counted
from ...runtime.distributed import world_size
from ...visualization.film import Film, codec_of_films, writing_film
from ..options import PredictOptions
from ..predictor import TRACKING, Predictor
from ..preprocess import Unreadable
from ..results import Result
from ..tiles.large import WHOLE
from ..tiles.overview import read_overview
from ..tiles.rule import Tiling
from ..tracking import Tracker, TrackOptions, several_processes
from ..writers.stored_results import result_of
from .beginning import Output
from .journal import Journal, Line, read_records
from .track_tables import write_track_tables

_LOG: Final = logging.getLogger("relook")
FILM_RATE: Final = Fraction(10)
"""Frames a second of films of frames whose rate is not known."""

KINDS: Final = ("film", "tracks")
"""Kinds of files that only tracking gives: ``film/NAME.mp4``, and both tables of tracks."""

Outcome = Result | Unreadable
Record = dict[str, Any]


def check_followed(kinds: Collection[str], *, is_followed: bool) -> None:
    """Refuse kinds of files that tracking gives where nothing is tracked.

    Raises:
        UsageError: U04.
    """
    alone = [kind for kind in kinds if kind in KINDS]
    if alone and not is_followed:
        raise UsageError(
            "U04",
            f"save {alone[0]}: it is made of objects that are followed over frames. Add --track, "
            "in Python track=True.",
        )


def follow(
    track: TrackOptions | bool,
    found: Found,
    predictor: Predictor,
    options: PredictOptions,
    output: Output | None,
    say: Callable[[str], None],
) -> FollowedFrames | None:
    """The frames of a run whose objects are to be followed; None where they are not."""
    if track is False:
        return None
    tracking = TRACKING if track is True else track
    return FollowedFrames(found, tracking, predictor, options, output, say)


class FollowedFrames:
    """The frames of a run, in order, whose objects get identities.

    A context manager: a film that is not complete when an exception ends it is not there.

    Args:
        found: The images, which must be frames.
        tracking: How objects are followed.
        predictor: The model.
        options: Of the prediction.
        output: Folder and kinds of files; None: nothing is written.
        say: Told at the end of each sequence how many objects there were.

    Raises:
        UsageError: U04 for several processes, for a panoptic prediction, for images that are no
            frames, and without scipy.
        RelookError: R04 for films without PyAV.
    """

    def __init__(
        self,
        found: Found,
        tracking: TrackOptions,
        predictor: Predictor,
        options: PredictOptions,
        output: Output | None,
        say: Callable[[str], None] = _LOG.warning,
    ) -> None:
        if world_size() > 1:
            raise several_processes()
        if options.panoptic is not None:
            raise UsageError(
                "U04", "tracking follows objects, not panoptic segments: leave one of them out."
            )
        self.sequences = sequences_of(found.images, archives=tracking.archives)
        self._found = found
        self._predictor, self._options, self._tracking = predictor, options, tracking
        self._output, self._say, self._films = output, say, ExitStack()
        self._has_films = output is not None and "film" in output.kinds
        if self._has_films:
            codec_of_films()
        self._current: FrameSequence | None = None
        self._start()
        self._places = {
            str(image): (number, row)
            for number, sequence in enumerate(self.sequences)
            for row, image in enumerate(sequence.images)
        }
        self._images = [image for sequence in self.sequences for image in sequence.images]
        self._done = 0  # images that have been followed
        self._kept: Mapping[str, Line] = {}

    @property
    def found(self) -> Found:
        """The images in the order of their sequences."""
        return replace(self._found, images=self._images)

    @property
    def record(self) -> Record:
        """Options of following objects, as json values."""
        return asdict(self._tracking)

    def unbroken(self, lines: Mapping[str, Line]) -> dict[str, Line]:
        """The `lines` of a stopped run that are kept: of each sequence its frames up to the first
        one that is not finished, since identities depend on all frames before.
        """
        kept: dict[str, Line] = {}
        for sequence in self.sequences:
            for image in map(str, sequence.images):
                if image not in lines:
                    break
                kept[image] = lines[image]
        return kept

    def go_on(self, journal: Journal, kept: Collection[str]) -> None:
        """Take the frames called `kept` from the journal of a stopped run, each at its turn."""
        self._kept = {name: line for name, line in journal.lines().items() if name in kept}
        if kept and self._has_films:
            self._say(f"{counted(len(kept), 'frame')} of the stopped run: drawn again for the film")

    def add(self, outcome: Outcome) -> Outcome:
        """The outcome of the next frame, with identities if it is a result.

        Raises:
            DataError: D10 for a frame of another size than those before it.
            RelookError: R02 when a film cannot be written.
        """
        self._catch_up(str(outcome.source))
        return self._follow(outcome)

    def finish(self) -> None:
        """Follow the kept frames after the last one, and finish the last film."""
        self._catch_up(None)
        self._end()

    def write_tables(self, lines: Mapping[str, Line]) -> None:
        """Write the tables of all frames that have `lines`."""
        if self._output is not None:
            write_track_tables(self._output.folder, self.sequences, lines, self._predictor.classes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: Any) -> None:
        self._films.__exit__(*problem)

    def _start(self) -> None:
        """Begin a sequence."""
        self._tracker = Tracker(overlap=self._tracking.overlap, gap=self._tracking.gap)
        self._film: Film | None = None
        self._missing = 0  # frames without a picture, before the first one that has one

    def _end(self) -> None:
        """Finish the film of a sequence, and say how many objects were in it."""
        self._films.close()
        if self._current is None:
            return
        count, single = self._tracker.num_tracks, self._tracker.num_single
        line = f"{self._current.name}: {counted(count, 'object')} followed over "
        line += counted(len(self._current), "frame")
        if single:
            line += f", {single} of them seen in one frame only"
        if single > count / 2:
            line += (
                ". An object is found again where it overlaps with the frame before: for faster "
                "ones take more frames (--every), or lower --track-overlap"
            )
        self._say(line)
        self._current = None

    def _catch_up(self, source: str | None) -> None:
        """Follow the kept frames before the one called `source`, or all that are left."""
        while self._done < len(self._images) and str(self._images[self._done]) != source:
            image = self._images[self._done]
            line = self._kept.get(str(image))
            if line is None:
                return  # the run was stopped before it
            self._follow(self._recalled(image, next(read_records([line]))))

    def _follow(self, outcome: Outcome) -> Outcome:
        number, row = self._places[str(outcome.source)]
        sequence = self.sequences[number]
        self._done += 1
        if row == 0:
            self._end()
            self._start()
        self._current = sequence
        if isinstance(outcome, Unreadable):
            self._tracker.miss()
            self._repeat()
            return outcome
        result = replace(outcome, tracks=self._tracker.update(outcome))
        if self._has_films:
            self._show(result, sequence)
        return result

    def _show(self, result: Result, sequence: FrameSequence) -> None:
        """Add a frame to its film, which begins with the first one that has a picture."""
        assert self._output is not None
        text = False if self._output.options.labels == "off" else None
        picture = np.asarray(result.draw(text=text, legend=text).convert("RGB"))
        if self._film is None:
            path = self._output.folder / "film" / f"{sequence.stem}.mp4"
            self._film = self._films.enter_context(writing_film(path, sequence.rate or FILM_RATE))
            for _ in range(self._missing):
                self._film.add(picture)
        self._film.add(picture)

    def _repeat(self) -> None:
        """Show the last picture in place of a frame that could not be read."""
        if self._film is None:
            self._missing += 1
        else:
            self._film.repeat()

    def _recalled(self, image: AnyImage, record: Record) -> Result:
        """The outcome of a frame that a stopped run has finished, with a picture for the film."""
        picture: Pixels | None = None
        is_whole = True
        if self._has_films:
            picture, is_whole = self._picture(image)
        known = {"has_masks": self._predictor.config.cascade.masks}
        result = result_of(record | known, self._predictor.classes)
        if is_whole:
            return replace(result, image=picture)
        return replace(result, overview=picture)

    def _picture(self, image: AnyImage) -> tuple[Pixels, bool]:
        """The picture of an image as its result has it, and whether it is the image itself."""
        predictor = self._predictor
        tiling = Tiling.of(self._options, predictor.config.input.size, predictor.sizes)
        with open_image(image, predictor.reading(self._options)) as opened:
            height, width = opened.size
            if height * width > WHOLE and tiling.grid(opened.size) is not None:
                return read_overview(opened), False
            return as_picture(opened.read()), True
