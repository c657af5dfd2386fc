"""One run of ``relook predict`` over its images: the network works while files are written."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from ...cli.progress import progress_bar
from ...config.model import PanopticConfig
from ...data.panoptic.labels import StuffLabels
from ...errors import DataError, RelookError
from ...runtime.prefetch import in_order
from ..predictor import Predictor
from ..preprocess import ImageSource
from ..results import Result, categories_of
from .coco_json import image_record, write_panoptic, write_predictions
from .journal import Journal, Line, read_records, stamp_of
from .shares import Shares
from .writer import Writer, files_of, output_names


class Unread(NamedTuple):
    """An image that could not be read."""

    source: str
    error: str


class Target(NamedTuple):
    """Where results go, and which files are wanted."""

    folder: Path
    kinds: Collection[str]


class PredictionRun:
    """Detects, writes and prints, image by image, what falls to this process.

    `kept` are sources that a stopped run has finished. Only the `first` process speaks, waits for
    the others and writes predictions.json.
    """

    def __init__(
        self,
        images: list[Path],
        kept: Collection[str],
        target: Target | None,
        journal: Journal | None,
        shares: Shares,
        console: Console,
        *,
        first: bool = True,
        as_json: bool = False,
    ) -> None:
        self._images, self._kept = images, len(kept)
        self._names = output_names(str(image) for image in images)
        self._to_do = [image for image in images if str(image) not in set(kept)]
        self._target, self._journal, self._shares = target, journal, shares
        self._console, self._first, self._as_json = console, first, as_json
        self._done, self._objects = 0, 0
        self._panoptic: tuple[PanopticConfig | bool, StuffLabels | None] = False, None
        self._unread: dict[str, str] = {}
        self._started = time.perf_counter()

    def run(self, predictor: Predictor, *, batch_size: int, score: float, **options: Any) -> None:
        """Do all images, and write predictions.json, also when the work breaks off.

        Raises:
            RelookError: R01 when interrupted, R02 when a file cannot be written, R05 when another
                process has failed; everything done so far is kept then.
        """
        self._panoptic = options.get("panoptic", False), options.get("stuff")
        try:
            self._work(predictor, batch_size=batch_size, score=score, **options)
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
                self._write_predictions(predictor)

    def report(self) -> int:
        """Say what came out; the number of images that could not be read.

        The journal is removed when every image is done: it has nothing left to tell.

        Raises:
            RelookError: R02 when another process has written to a folder that is not this one.
        """
        if not self._first:
            return 0
        done, objects = self._done, self._objects
        if self._journal is not None:
            lines = self._journal.lines()
            self._check_complete(lines)
            found = [line for line in lines.values() if line.error is None]
            done, objects = len(found), sum(line.objects for line in found)
            for source, line in lines.items():
                if line.error is not None:
                    self._name(Unread(source, line.error))
        rate = (done - self._kept) / max(time.perf_counter() - self._started, 1e-9)
        kept = f" ({self._kept} of them kept)" if self._kept else ""
        where = f"; results are in {self._target.folder}" if self._target else ""
        self._console.print(f"{objects} objects in {done} images{kept}, {rate:.2f} images/s{where}")
        if self._unread:
            self._console.print(f"{len(self._unread)} images could not be read (named above)")
        elif self._journal is not None:
            self._journal.remove()
        return len(self._unread)

    def _work(self, predictor: Predictor, *, batch_size: int, score: float, **options: Any) -> None:
        writer = None
        if self._target is not None:
            writer = Writer(self._target.folder, self._target.kinds, predictor.classes, score)
        claims = (self._to_do[i] for i in self._shares.claims(len(self._to_do), batch_size))
        options |= {"batch_size": batch_size, "score": score}
        with (
            progress_bar(self._console) as bar,
            closing(self._outcomes(predictor, claims, options)) as outcomes,
            closing(
                in_order(
                    lambda one: self._store(one, writer), outcomes, ahead=batch_size, finish=True
                )
            ) as stored,
        ):
            task = bar.add_task("images", total=len(self._images), completed=self._kept)
            for one in stored:
                if isinstance(one, Unread):
                    self._name(one)
                if self._as_json:
                    _print_json(one)
                bar.update(task, completed=self._kept + self._shares.tick())

    def _outcomes(
        self, predictor: Predictor, images: Iterator[Path], options: dict[str, Any]
    ) -> Generator[Result | Unread, None, None]:
        """What became of each image, in order."""
        unread: list[Unread] = []

        def note(source: ImageSource, error: DataError) -> None:
            unread.append(Unread(str(source), str(error)))

        with closing(predictor.stream(images, on_unreadable=note, **options)) as results:
            for result in results:
                yield from unread
                unread.clear()
                yield result
        yield from unread

    def _store(self, one: Result | Unread, writer: Writer | None) -> Result | Unread:
        """Write the files of one image, then its line in the journal; runs beside the network."""
        source = one.source or ""
        name = self._names[source]
        record: dict[str, Any] = {"source": source, "name": name, "stamp": stamp_of(source)}
        if isinstance(one, Unread):
            record |= {"count": 0, "error": one.error}
        else:
            if writer is not None:
                record |= writer.write(one, name)
            record["count"] = len(one)
            if self._target is not None and _in_one_file(self._target.kinds):
                record |= image_record(one)
        if self._journal is not None:
            self._journal.add(record)
        if isinstance(one, Result):
            self._done += 1
            self._objects += len(one)
        return one

    def _name(self, one: Unread) -> None:
        """Print why an image could not be read, once."""
        if one.source not in self._unread and self._first:
            self._console.print(one.error)
        self._unread[one.source] = one.error

    def _write_predictions(self, predictor: Predictor) -> None:
        if self._journal is None or self._target is None or not _in_one_file(self._target.kinds):
            return
        lines = self._journal.lines()
        done = [lines[str(image)] for image in self._images if str(image) in lines]
        found = [line for line in done if line.error is None]
        folder, kinds = self._target
        if "coco" in kinds:
            path = folder / "predictions.json"
            write_predictions(path, lambda: read_records(found), predictor.classes)
        if "panoptic" in kinds:
            path = folder / "panoptic.json"
            task = predictor.panoptic_task(*self._panoptic)
            categories = categories_of(predictor.classes, () if task is None else task.stuff)
            write_panoptic(path, lambda: read_records(found), categories)

    def _check_complete(self, lines: dict[str, Line]) -> None:
        missing = [image for image in self._images if str(image) not in lines]
        if missing and self._target is not None:
            raise RelookError(
                "R02",
                f"{len(missing)} images that another process has done are not in "
                f"{self._target.folder}, {missing[0]} for one. All machines must write to one "
                "folder that they share; choose such a folder with --out.",
            )

    def _interrupted(self) -> RelookError:
        done = self._kept + self._done
        again = "; the same command with --resume goes on" if self._journal is not None else ""
        where = "" if self._shares.size == 1 else " of this process"
        return RelookError(
            "R01",
            f"interrupted after {done} of {len(self._images)} images{where}; their results are "
            f"kept{again}.",
        )


def kept_lines(journal: Journal, images: list[Path], target: Target) -> dict[str, Line]:
    """Source -> line of what a stopped run has finished and what is still as it was then.

    The image is the same file, its results have the name they would get now, and are there.
    """
    names = output_names(str(image) for image in images)
    return {
        source: line
        for source, line in journal.lines().items()
        if line.error is None
        and names.get(source) == line.name
        and stamp_of(source) == line.stamp
        and all((target.folder / file).is_file() for file in files_of(line.name, target.kinds))
    }


def _in_one_file(kinds: Collection[str]) -> bool:
    """Whether what is found in all images is written to one file at the end."""
    return "coco" in kinds or "panoptic" in kinds


def _print_json(one: Result | Unread) -> None:
    """One line on standard output."""
    record = one.to_json() if isinstance(one, Result) else one._asdict()
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()
