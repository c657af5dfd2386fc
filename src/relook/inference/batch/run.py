"""Predicting many files: results on disk, a journal, several processes, and what became of all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, Unpack

from ...data.sources.finding import Source
from ...data.sources.found import Found
from ...data.sources.stored import stamp_of
from ...errors import RelookError, UsageError, counted
from ...runtime.distributed import from_first, rank, world_size
from ...runtime.prefetch import Behind
from ..backend import OnView
from ..options import OptionChanges, PredictOptions
from ..predictor import DEFAULTS, Predictor
from ..preprocess import Unreadable
from ..results import Result, categories_of
from ..stream import panoptic_task
from ..tiles.work import OnTile
from ..tracking import TrackOptions
from ..writers.kinds import check_kinds
from ..writers.options import DEFAULT_OPTIONS, SaveOptions
from ..writers.samples import file_samples
from .beginning import Job, Output, begin, locked
from .coco_json import image_record, write_panoptic
from .common_files import write_common
from .followed import check_followed, follow
from .image_kinds import KindsOfImages
from .jointly import JointWork, tiled_images
from .journal import FOLDER, Journal, Line, read_records
from .shared_sources import check_live, share_sources
from .shares import Shares, shares
from .writer import Writer, output_names

DEFAULT_KINDS: Final = ("coco", "overlay")
_LOG: Final = logging.getLogger("relook")

Outcome = Result | Unreadable
OnImage = Callable[[Outcome, int, int], None]  # an outcome, how many are done, and of how many


@dataclass(frozen=True, slots=True)
class BatchReport:
    """Summary of a run over many images; of all processes, in the first one."""

    images: int  # with results, those of a stopped run included
    kept: int  # of these, what a stopped run had finished
    objects: int
    unreadable: Mapping[str, str]  # source -> why it could not be read
    seconds: float
    left_out: Mapping[str, int] = field(default_factory=dict)  # ending -> other files in folders


def predict_files(
    predictor: Predictor,
    sources: Sequence[Source] | Found,
    out: str | Path | None,
    options: PredictOptions = DEFAULTS,
    *,
    save: Collection[str] = DEFAULT_KINDS,
    saving: SaveOptions = DEFAULT_OPTIONS,
    resume: bool = False,
    track: TrackOptions | bool = False,
    on_image: OnImage | None = None,
    on_tile: OnTile | None = None,
    on_view: OnView | None = None,
    say: Callable[[str], None] = _LOG.warning,
    **changes: Unpack[OptionChanges],
) -> BatchReport:
    """Predict the images that `sources` mean (see `find_sources`) and save the results.

    Files of the kinds in `save` (`writers.kinds.KINDS`) go into the folder `out`, as `saving` says.
    With `resume` what a stopped run with the same model and options has finished is kept.
    `on_image` is given each outcome in order, after its files are written, with how many images
    are done and of how many, `on_tile` the tiles of images that are cut, `on_view` the steps of
    images in several views. `say` is told what a person should know, such as why an image could not
    be read; such images are skipped and reported. Without `out` nothing is written.

    With `track` the images must be frames (see `sequences_of`), objects get identities over them
    (`Result.tracks`), and `save` may name ``film`` and ``tracks``; see `followed`. Identities
    depend on all frames before, so `resume` keeps each sequence up to its first unfinished frame.

    In one of several processes (torchrun, srun) the images are shared, and the first process
    speaks, waits for the others and writes the files of all images.

    Raises:
        DataError: As `find_sources`.
        UsageError: As `find_sources` and `FollowedFrames`, U01 for an unknown kind of file, U04
            for a kind that cannot be given, and for a `resume` with other settings or a camera.
        RelookError: R01 when interrupted, R02 when a file cannot be written, R05 when another
            process has failed, R07 when another command writes into `out`; everything done so far
            is kept then.
        ModelError: As `Predictor.predict`.
    """
    options = predictor.resolved(options.with_(**changes))
    output = None
    if out is not None:
        has_masks = predictor.config.cascade.masks
        kinds = check_kinds(save, panoptic=options.panoptic is not None, masks=has_masks)
        check_followed(kinds, is_followed=track is not False)
        output = Output(Path(out), kinds, saving)
    elif resume:
        raise UsageError("U04", "resume: nothing is saved, so there is nothing to go on with.")
    journal = None if output is None else Journal(output.folder, rank())
    folder = None if output is None else output.folder
    own = nullcontext(sources) if isinstance(sources, Found) else share_sources(sources, folder)
    with own as found:
        check_live(found, resume=resume)
        frames = follow(track, found, predictor, options, output, say)
        found = found if frames is None else frames.found
        job = Job(predictor, options, found, output, journal, frames, say)
        with locked(output, say):
            kept = from_first(lambda: begin(job, resume=resume))
            if frames is not None and journal is not None:
                frames.go_on(journal, kept)
            if (line := found.left_out_line()) is not None and rank() == 0:
                say(line)
            joint: list[Path] = []
            if world_size() > 1 and output is not None:
                joint = from_first(lambda: tiled_images(found.images, predictor, options))
            run = _Run(job, kept, joint, shares())
            with journal or nullcontext(), frames or nullcontext(), run.shares.alive():
                run.run(on_image, on_tile, on_view)
            return run.report()


class _Run:
    """The share of this process in a run, of which `kept` are done already."""

    def __init__(
        self, job: Job, kept: Collection[str], joint: Sequence[Path], shares: Shares
    ) -> None:
        self._predictor, self._options, self._frames = job.predictor, job.options, job.frames
        found, output = job.found, job.output
        self._left_out = found.left_out
        self._images = {str(image): image for image in found.images}
        self._names = output_names(found.images, found.root)
        self._kept = len(kept)
        left = [image for source, image in self._images.items() if source not in kept]
        self._to_do = [image for image in left if image not in joint]
        self._output, self._journal, self.shares = output, job.journal, shares
        self._joint: JointWork | None = None
        if output is not None and joint:
            shared = [image for image in joint if str(image) not in kept]
            folder = output.folder / FOLDER / "tiles"
            self._joint = JointWork(job.predictor, job.options, shared, folder, shares, rank())
        self._writer = None if output is None else Writer(*output)
        self._first, self._say = rank() == 0, job.say
        self._done, self._objects = 0, 0
        self._unreadable: dict[str, str] = {}
        self._kinds = KindsOfImages(job.say)
        self._started = time.perf_counter()

    def run(self, on_image: OnImage | None, on_tile: OnTile | None, on_view: OnView | None) -> None:
        """Do all images, and write the common files, also when the work breaks off."""
        try:
            self._work(on_image, on_tile, on_view)
            if self._frames is not None:
                self._frames.finish()
            self._kinds.finish()
            self.shares.finish()
            if self._first:
                self.shares.wait()
        except KeyboardInterrupt:
            self.shares.fail()
            raise self._interrupted() from None
        except BaseException:
            self.shares.fail()
            raise
        finally:
            if self._first:
                self._write_common_files()

    def _work(
        self, on_image: OnImage | None, on_tile: OnTile | None, on_view: OnView | None
    ) -> None:
        """Predict in this thread and write in another one; what all do together comes last.

        An exception of either ends the loop here; what was found before it is still written.
        """
        batch = self._options.batch_size
        claims = (self._to_do[i] for i in self.shares.claims(len(self._to_do), batch))

        def note(stored: Iterable[Outcome]) -> None:
            for one in stored:
                if isinstance(one, Unreadable):
                    self._name(str(one.source), str(one.error))
                done = self._kept + self.shares.tick()
                if on_image is not None:
                    on_image(one, done, len(self._images))

        told: Any = {"on_tile": on_tile, "on_view": on_view, "say": self._say}
        own = self._predictor.outcomes(claims, self._options, **told)
        joint = () if self._joint is None else self._joint.outcomes(on_tile)
        with (
            closing(own) as outcomes,
            Behind(self._store, ahead=batch, finish=True) as storing,
        ):
            for outcome in chain(outcomes, joint):
                note(storing.put(outcome))
            note(storing.rest())

    def _store(self, one: Outcome) -> Outcome:
        """Write the files of one image, then its line in the journal."""
        if self._frames is not None:
            one = self._frames.add(one)
        source = str(one.source)
        name, stamp = self._names[source], stamp_of(self._images[source])
        record: dict[str, Any] = {"source": source, "name": name, "stamp": stamp}
        if isinstance(one, Unreadable):
            record |= {"count": 0, "error": str(one.error)}
        else:
            if self._writer is not None:
                record |= self._written(self._writer, one, name)
            record["count"] = len(one)
            if self._frames is not None or (self._output and self._output.records_objects):
                record |= image_record(one)
        if self._journal is not None:
            self._journal.add(record)
        if isinstance(one, Result):
            self._kinds.add(one.info)
            self._done += 1
            self._objects += len(one)
        return one

    def _written(self, writer: Writer, result: Result, name: str) -> dict[str, Any]:
        """Write the files of one image; measurements read the values of its file again."""
        if not writer.reads_samples:
            return writer.write(result, name)
        image, reading = self._images[str(result.source)], self._predictor.reading(self._options)
        with file_samples(image, reading, result) as samples:
            return writer.write(result, name, samples)

    def report(self) -> BatchReport:
        """Summarise the run; the journal is removed when every image has its results.

        Raises:
            RelookError: R02 when another process has written to a folder that is not this one.
        """
        done, objects = self._kept + self._done, self._objects
        if self._first and self._journal is not None:
            lines = self._journal.lines()
            self._check_complete(lines)
            found = [line for line in lines.values() if line.error is None]
            done, objects = len(found), sum(line.objects for line in found)
            for source, line in lines.items():
                if line.error is not None:
                    self._name(source, line.error)
            if not self._unreadable:
                self._journal.remove()
        seconds = time.perf_counter() - self._started
        unreadable = dict(self._unreadable)
        return BatchReport(done, self._kept, objects, unreadable, seconds, self._left_out)

    def _name(self, source: str, error: str) -> None:
        """Say why an image could not be read, once."""
        if source not in self._unreadable and self._first:
            self._say(error)
        self._unreadable[source] = error

    def _write_common_files(self) -> None:
        if self._journal is None or self._output is None:
            return
        lines = self._journal.lines()
        done = [lines[source] for source in self._images if source in lines]
        found = [line for line in done if line.error is None]
        folder, kinds, saving = self._output
        classes = self._predictor.classes
        write_common(folder, kinds, lambda: read_records(found), classes, saving.simplify)
        if self._frames is not None and "tracks" in kinds:
            self._frames.write_tables(lines)
        if "panoptic" in kinds:
            path = folder / "panoptic.json"
            task = panoptic_task(self._predictor, self._options.panoptic)
            categories = categories_of(classes, () if task is None else task.stuff)
            write_panoptic(path, lambda: read_records(found), categories)

    def _check_complete(self, lines: dict[str, Line]) -> None:
        missing = [source for source in self._images if source not in lines]
        if missing and self._output is not None:
            raise RelookError(
                "R02",
                f"{counted(len(missing), 'image')} that another process was given: no results in "
                f"{self._output.folder}, {missing[0]} for one. All machines must write to one "
                "folder that they share; choose such a folder with --out.",
            )

    def _interrupted(self) -> RelookError:
        done = self._kept + self._done
        again = "; the same command with --resume goes on" if self._journal is not None else ""
        where = "" if self.shares.size == 1 else " of this process"
        return RelookError(
            "R01",
            f"interrupted after {done} of {counted(len(self._images), 'image')}{where}; their "
            f"results are kept{again}.",
        )
