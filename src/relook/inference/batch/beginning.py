"""The beginning of a run over many images: what it has to do, and what is done already."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..._version import __version__
from ...data.sources.found import Found
from ...data.sources.stored import AnyImage, stamp_of
from ...runtime.distributed import from_first
from ...runtime.files import remove_drafts
from ...runtime.locks import FolderLock
from ..options import PredictOptions
from ..predictor import Predictor
from ..writers.kinds import files_of
from ..writers.options import DEFAULT_OPTIONS, SaveOptions
from .common_files import RECORDED
from .journal import Journal, Line
from .writer import folders_of, has_file, output_names

if TYPE_CHECKING:
    from .followed import FollowedFrames


class Output(NamedTuple):
    """Folder of the results, the kinds of files that are wanted, and the words of overlays."""

    folder: Path
    kinds: tuple[str, ...]
    options: SaveOptions = DEFAULT_OPTIONS

    @property
    def records_objects(self) -> bool:
        """Return whether the journal keeps the objects of each image, for files of all images."""
        return bool(RECORDED & set(self.kinds))


@contextlib.contextmanager
def locked(output: Output | None, say: Callable[[str], None]) -> Iterator[None]:
    """Give these processes the right to write into the folder of results, if there is one.

    Raises:
        RelookError: R07, in all processes, when another command writes into it, R02 when it
            cannot be written.
    """
    with contextlib.ExitStack() as stack:

        def enter() -> None:
            if output is not None:
                stack.enter_context(FolderLock(output.folder, say))

        from_first(enter)
        yield


@dataclass(frozen=True, slots=True)
class Job:
    """A run over many images: the model, its options, the images and the place of the results."""

    predictor: Predictor
    options: PredictOptions
    found: Found
    output: Output | None
    journal: Journal | None  # there is one where there is an output
    frames: FollowedFrames | None  # where objects are followed
    say: Callable[[str], None]


def begin(job: Job, *, resume: bool) -> set[str]:
    """Make the journal of `job` ready; sources of the images that a stopped run has finished.

    Raises:
        UsageError: U04 when the stopped run had other settings.
        RelookError: R02 when a file cannot be written.
    """
    output, journal, frames = job.output, job.journal, job.frames
    if output is None or journal is None:
        return set()
    settings = {"relook": __version__, **job.options.record()}
    settings |= {"model": digest_of(job.predictor), "save": output.kinds, **output.options.record()}
    settings["track"] = None if frames is None else frames.record
    settings["precision"] = job.predictor.precision
    if journal.is_there and not resume:
        job.say(f"{output.folder}: starting over; --resume goes on with a stopped run")
    if not journal.begin(settings, resume=resume):
        return set()
    images = job.found.images
    names = output_names(images, job.found.root)
    for folder in folders_of(output.kinds, names.values()):
        remove_drafts(output.folder / folder)
    recorded = frames is not None or output.records_objects
    kept = kept_lines(journal, images, names, output, with_objects=recorded)
    if frames is not None:
        kept = frames.unbroken(kept)
    journal.keep(kept.values())
    return set(kept)


def kept_lines(
    journal: Journal,
    images: Sequence[AnyImage],
    names: Mapping[str, str],
    output: Output,
    *,
    with_objects: bool = False,
) -> dict[str, Line]:
    """Source -> line of what a stopped run has finished and what is still as it was then.

    `names` are those of the files of each source. The image is the same as far as its stamp
    tells, its results have the name they would get now, and are there. Images without a stamp are
    done again.
    """
    stored = {str(image): image for image in images}
    return {
        source: line
        for source, line in journal.lines(with_objects=with_objects).items()
        if line.error is None
        and names.get(source) == line.name
        and line.stamp is not None
        and stamp_of(stored[source]) == line.stamp
        and all(has_file(output.folder, file) for file in files_of(line.name, output.kinds))
    }


def digest_of(predictor: Predictor) -> str:
    """The SHA-256 of a model: its configuration, classes, weights and sizes of objects."""
    digest = hashlib.sha256(predictor.config.model_dump_json().encode())
    digest.update(repr(predictor.sizes).encode())
    digest.update(repr([(c.id, c.name) for c in predictor.classes]).encode())
    backend = predictor.engine.backend
    if backend is not None:
        digest.update(backend.digest.encode())
        return digest.hexdigest()
    import torch

    from ..engine import Engine

    assert isinstance(predictor.engine, Engine)
    for name, tensor in sorted(predictor.engine.held.look().state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
