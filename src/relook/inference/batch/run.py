"""Predicting many files: results on disk, a journal, several processes, and what became of all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final, Unpack, get_args

from ...data.sources.finding import Source
from ...data.sources.found import Found
from ...data.sources.stored import stamp_of
from ...errors import RelookError, UsageError, counted
from ...runtime.distributed import from_first, rank, world_size
from ...runtime.prefetch import Behind
from ..engine import OnView
from ..options import OptionChanges, PredictOptions
from ..predictor import DEFAULTS, Predictor
from ..preprocess import Unreadable
from ..results import Result, categories_of
from ..tiles.work import OnTile
from .beginning import Labels, Output, begin, check_live, share_sources
from .coco_json import image_record, write_panoptic, write_predictions
from .jointly import JointWork, tiled_images
from .journal import FOLDER, Journal, Line, read_records
from .kinds import KindsOfImages
from .shares import Shares, shares
from .writer import Writer, check_kinds, output_names

DEFAULT_KINDS: Final = ("coco", "overlay")
_LOG: Final = logging.getLogger("relook")

Outcome = Result | Unreadable


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
    labels: Labels = "auto",
    resume: bool = False,
    on_image: Callable[[Outcome, int, int], None] | None = None,
    on_tile: OnTile | None = None,
    on_view: OnView | None = None,
    say: Callable[[str], None] = _LOG.warning,
    **changes: Unpack[OptionChanges],
) -> BatchReport:
    """Predict the images that `sources` mean (see `find_sources`) and save the results.

    Files of the kinds in `save` go into the folder `out`: see `Writer`, and ``predictions.json``
    for ``coco``. `labels` "off" leaves names, scores and counts out of overlays. With `resume` what
    a stopped run with the same model and options has finished is kept. `on_image` is given each
    outcome in order, after its files are written, with how many images are done and of how many,
    `on_tile` the tiles of images that are cut, `on_view` the steps of images in several views.
    `say` is told what a person should know, such as why an image could not be read; such images are
    skipped and reported. Without `out` nothing is written.

    In one of several processes (torchrun, srun) the images are shared, and the first process
    speaks, waits for the others and writes the files of all images.

    Raises:
        DataError: As `find_sources`.
        UsageError: As `find_sources`, U01 for an unknown kind of file or of labels, U04 for a kind
            that the model or `options` cannot give, for a `resume` with other settings, and for a
            camera with `resume` or several processes.
        RelookError: R01 when interrupted, R02 when a file cannot be written, R05 when another
            process has failed; everything done so far is kept then.
        ModelError: As `Predictor.predict`.
    """
    options = predictor.resolved(options.with_(**changes))
    output = None
    if labels not in get_args(Labels):
        raise UsageError("U01", f"labels {labels!r}: there are {' and '.join(get_args(Labels))}.")
    if out is not None:
        kinds = check_kinds(save, panoptic=options.panoptic is not None)
        if "masks" in kinds and not predictor.config.cascade.masks:
            raise UsageError("U04", "save masks: this model finds boxes only. Leave masks out.")
        output = Output(Path(out), kinds, labels)
    elif resume:
        raise UsageError("U04", "resume: nothing is saved, so there is nothing to go on with.")
    journal = None if output is None else Journal(output.folder, rank())
    folder = None if output is None else output.folder
    own = nullcontext(sources) if isinstance(sources, Found) else share_sources(sources, folder)
    with own as found:
        check_live(found, resume=resume)
        kept = from_first(
            lambda: begin(predictor, options, found.images, output, journal, resume=resume, say=say)
        )
        if (line := found.left_out_line()) is not None and rank() == 0:
            say(line)
        joint: list[Path] = []
        if world_size() > 1 and output is not None:
            joint = from_first(lambda: tiled_images(found.images, predictor, options))
        run = _Run(predictor, options, found, kept, joint, output, journal, shares(), say)
        with journal or nullcontext():
            run.run(on_image, on_tile, on_view)
        return run.report()


class _Run:
    """The share of this process in a run, of which `kept` are done already."""

    def __init__(
        self,
        predictor: Predictor,
        options: PredictOptions,
        found: Found,
        kept: Collection[str],
        joint: Sequence[Path],
        output: Output | None,
        journal: Journal | None,
        shares: Shares,
        say: Callable[[str], None],
    ) -> None:
        self._predictor, self._options = predictor, options
        self._left_out = found.left_out
        self._images = {str(image): image for image in found.images}
        self._names = output_names(found.images)
        self._kept = len(kept)
        left = [image for source, image in self._images.items() if source not in kept]
        self._to_do = [image for image in left if image not in joint]
        self._output, self._journal, self._shares = output, journal, shares
        self._joint: JointWork | None = None
        if output is not None and joint:
            shared = [image for image in joint if str(image) not in kept]
            folder = output.folder / FOLDER / "tiles"
            self._joint = JointWork(predictor, options, shared, folder, shares, rank())
        self._writer = None if output is None else Writer(*output)
        self._first, self._say = rank() == 0, say
        self._done, self._objects = 0, 0
        self._unreadable: dict[str, str] = {}
        self._kinds = KindsOfImages(say)
        self._started = time.perf_counter()

    def run(
        self,
        on_image: Callable[[Outcome, int, int], None] | None,
        on_tile: OnTile | None = None,
        on_view: OnView | None = None,
    ) -> None:
        """Do all images, and write the common files, also when the work breaks off."""
        try:
            self._work(on_image, on_tile, on_view)
            self._kinds.finish()
            self._shares.finish()
            if self._first:
                self._shares.wait()
        except KeyboardInterrupt:
            self._shares.fail()
            raise self._interrupted() from None
        except BaseException:
            self._shares.fail()
            raise
        finally:
            if self._first:
                self._write_common_files()

    def _work(
        self,
        on_image: Callable[[Outcome, int, int], None] | None,
        on_tile: OnTile | None,
        on_view: OnView | None,
    ) -> None:
        """Predict in this thread and write in another one; what all do together comes last.

        An exception of either ends the loop here; what was found before it is still written.
        """
        batch = self._options.batch_size
        claims = (self._to_do[i] for i in self._shares.claims(len(self._to_do), batch))

        def note(stored: Iterable[Outcome]) -> None:
            for one in stored:
                if isinstance(one, Unreadable):
                    self._name(str(one.source), str(one.error))
                done = self._kept + self._shares.tick()
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
        source = str(one.source)
        name, stamp = self._names[source], stamp_of(self._images[source])
        record: dict[str, Any] = {"source": source, "name": name, "stamp": stamp}
        if isinstance(one, Unreadable):
            record |= {"count": 0, "error": str(one.error)}
        else:
            if self._writer is not None:
                record |= self._writer.write(one, name)
            record["count"] = len(one)
            if self._output is not None and self._output.has_common_file:
                record |= image_record(one)
        if self._journal is not None:
            self._journal.add(record)
        if isinstance(one, Result):
            self._kinds.add(one.info)
            self._done += 1
            self._objects += len(one)
        return one

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
        if self._journal is None or self._output is None or not self._output.has_common_file:
            return
        lines = self._journal.lines()
        done = [lines[source] for source in self._images if source in lines]
        found = [line for line in done if line.error is None]
        folder, kinds, _ = self._output
        classes = self._predictor.classes
        if "coco" in kinds:
            path = folder / "predictions.json"
            write_predictions(path, lambda: read_records(found), classes)
        if "panoptic" in kinds:
            path = folder / "panoptic.json"
            task = self._predictor.panoptic_task(self._options.panoptic)
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
        where = "" if self._shares.size == 1 else " of this process"
        return RelookError(
            "R01",
            f"interrupted after {done} of {counted(len(self._images), 'image')}{where}; their "
            f"results are kept{again}.",
        )
