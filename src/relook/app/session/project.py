"""A project: images, what a model finds in them, and what a person made of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ..._version import __version__
from ...data.coco.reader import Category
from ...data.images import Reading
from ...errors import DataError, UsageError, counted
from ...inference.results import Result
from ...runtime.locks import FolderLock
from ...structures.detection import Size
from ..models import ModelShelf
from .class_changes import ClassChanges
from .classes import Classes, new_name
from .corrections import MOST_OBJECTS, Corrections
from .downloads import kinds
from .folders import Entry, Images, Status
from .looking import MOST_CANDIDATES, MOST_RESULTS, Predictions, Predicts
from .objects import PageObject, found_objects, read_objects, result_of
from .pixels import ONE_PICTURE, TILE, PixelStore, levels_of
from .saved_images import SavedImage

HOME: Final = ".relook"
"""Folder of the app beside the images: its lock, images that came by the page, trainings."""
ALONE: Final = Path("runs/app")  # home of a project without a folder
_Objects = tuple[list[PageObject], list[PageObject]]  # found, candidates


class Project:
    """Images of a person, their predictions and corrections; a context manager.

    While it is open, no other project can open the same folder. `look` is for the thread of the
    event loop, after `attach`; threads may share all other methods.

    Args:
        source: A folder or an image; None for a project of images that come by the page.
        models: That predict; the first one is the default.
        work: Home of the app; by default the folder ``.relook`` beside the images.
        classes: Names of classes beside those of the models.
        say: Called with a line for people.

    Raises:
        RelookError: R07 when another process has the folder open, R02 when it cannot be written.
        DataError: D01 for a source that is not there, D11 for a folder without images.
        UsageError: U04 for a file of corrections that the app has not written, and for a home that
            is the folder of the images; U03 for `classes` as `new_name`.
    """

    def __init__(
        self,
        source: Path | None,
        models: ModelShelf,
        *,
        work: Path | None = None,
        classes: Sequence[str] = (),
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        folder = None if source is None else source if source.is_dir() else source.parent
        self.folder, self.models = folder, models
        beside = ALONE if folder is None else folder / HOME
        self.home = work or beside
        self._locked = list(dict.fromkeys([beside if folder is not None else self.home, self.home]))
        self._say = say
        self.reading: Reading = models.get().reading()
        if folder is not None and self.home.resolve() == folder.resolve():
            raise UsageError(
                "U04", f"--work {work} is the folder of the images. Choose another one."
            )
        self.images = Images(source, self.home / "images", self.reading, leave_out=self.home)
        self.pixels = PixelStore(self.reading)
        self.classes = Classes(item.name for item in models.get().classes)
        known = self.classes.names()
        self._more = [new_name(name, known) for name in dict.fromkeys(classes) if name not in known]
        self._files: dict[Path, Corrections] = {}  # by the folder of the images, the main one first
        self.predictions: Predictions | None = None
        self._objects: dict[tuple[int, str], _Objects] = {}
        self._keeping = threading.Lock()
        self.class_changes = ClassChanges(
            self.classes, models, self._files.values, self._objects.clear
        )
        self._open = ExitStack()

    def __enter__(self) -> Self:
        try:
            for home in self._locked:
                home.mkdir(parents=True, exist_ok=True)
                self._open.enter_context(FolderLock(home, self._say))
            for root in (self.folder, self.images.uploads):
                if root is not None and root not in self._files:
                    self._files[root] = Corrections(root, self.classes)
            for name in self._more:  # also by the name that it had before it was renamed
                self.classes.label_of(name)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pixels.close()
        self._open.close()

    def attach(self, work: Predicts) -> None:
        """Predict by `work` from now on."""
        self.predictions = Predictions(work)

    def record(self) -> dict[str, Any]:
        """Record of the project as a whole, for the page."""
        return {
            "folder": None if self.folder is None else str(self.folder.absolute()),
            "annotations": str(self._main_file.path.absolute()),
            "classes": self.classes.listed(),
            "model": self.models.name(),
            "models": self.models.names(),
            "threshold": self.models.get().shown_from,
            "version": __version__,
            "kinds": kinds(),
            "left_out": self.images.left_out,
        }

    def list_images(self) -> list[dict[str, Any]]:
        """The record of each image; sizes that take long to read come with a later list."""
        self.images.look()
        return [self.image_record(entry) for entry in self.images]

    def image_record(self, entry: Entry) -> dict[str, Any]:
        """The record of an image in the list."""
        status, objects = self.status(entry)
        return {**entry.record(), "status": status, "objects": objects}

    def details(self, entry: Entry) -> dict[str, Any]:
        """The record of one image, with its tiles; raises as `Images.size`."""
        size = self.images.size(entry)
        levels = {"tile": TILE, "levels": levels_of(size), "one_picture": ONE_PICTURE}
        return {**self.image_record(entry), **levels}

    def saved(self, entry: Entry) -> SavedImage | None:
        """Corrections of an image as they were saved; None for an image that was not.

        Raises:
            DataError: D10 for corrections of an image of another size, else as `Images.size`.
        """
        saved = self._files[entry.root].get(entry.name)
        if saved is None or saved.size == self.images.size(entry):
            return saved
        height, width = saved.size
        error = DataError(
            "D10",
            f"{entry.name} has another size than when it was corrected ({width} x {height} pixels, "
            "width x height). Put the earlier image back, or give the new one another name.",
        )
        entry.message = str(error)
        raise error

    def saved_or_none(self, entry: Entry) -> SavedImage | None:
        """Corrections of an image that can still be read; None for others."""
        try:
            return self.saved(entry)
        except DataError:
            return None

    def look(self, entry: Entry, model: str | None = None) -> None:
        """Begin to predict an image that was not predicted yet.

        Raises:
            UsageError: U01 for an unknown model.
            RelookError: as `Predictor.predict`, where it was not possible.
        """
        assert self.predictions is not None
        self.images.size(entry)  # raises at once for what is no image
        self.predictions.get(entry, self.models.name(model))

    def objects(self, entry: Entry, model: str | None = None) -> dict[str, Any] | None:
        """The objects of an image as the page has them: those that were saved, else those that a
        model finds; None while it is being predicted (`look`).

        Raises:
            UsageError: U01 for an unknown model.
            DataError: as `saved`.
        """
        name, saved, size = self.models.name(model), self.saved(entry), self.images.size(entry)
        result = self._known(entry, name)
        if result is None and saved is None:
            return None
        found, candidates = self._found(entry, result, name) if result is not None else ([], [])
        objects = found if saved is None else saved.objects
        return {
            "revision": 0 if saved is None else saved.revision,
            "model": name if saved is None else saved.model,
            "saved": saved is not None,
            "done": saved is not None and saved.done,
            "threshold": self.models.get(name).shown_from,
            "waiting": result is None,
            "objects": [entry.record(size) for entry in objects],
            "candidates": [entry.record(size) for entry in candidates],
        }

    def save(
        self,
        entry: Entry,
        records: Sequence[Mapping[str, Any]],
        *,
        revision: int,
        done: bool,
        model: str | None = None,
    ) -> int:
        """Save all objects of an image; the new revision.

        Raises:
            Outdated: another page has saved the image in between.
            UsageError: U03 for objects that cannot be.
            RelookError: R02 when the file cannot be written.
        """
        self.saved(entry)  # raises for corrections of another image
        objects = self.read(entry, records)
        return self._files[entry.root].save(
            entry.name,
            self.images.size(entry),
            objects,
            revision=revision,
            done=done,
            model=self.models.name(model),
        )

    def current_objects(
        self, entry: Entry, least: float = 1, model: str | None = None
    ) -> Sequence[PageObject] | None:
        """The objects of an image as they are now, with candidates from the score `least` on where
        nothing was saved; None where it was not looked at.

        Of several models it is what `model` found, else what the newest one did.
        """
        if entry.message is not None:
            return None
        saved = self.saved_or_none(entry)
        if saved is not None:
            return saved.objects
        names = [*([] if model is None else [model]), *reversed(self.models.names())]
        for name in names:
            result = self._known(entry, name)
            if result is not None:
                found, below = self._found(entry, result, name)
                return [*found, *(item for item in below if (item.score or 0) >= least)]
        return None

    def result_of(self, entry: Entry, objects: Sequence[PageObject]) -> Result:
        """Objects of an image as a result."""
        places = {row: place for place, (row, _) in enumerate(self.classes.rows())}
        placed = [replace(item, label=places[item.label]) for item in objects]
        return result_of(placed, self.images.size(entry), self.categories(), entry.name)

    def categories(self) -> tuple[Category, ...]:
        """The classes that are there, with the ids of the file of corrections."""
        return self.classes.categories()

    def read(self, entry: Entry, records: Sequence[Mapping[str, Any]]) -> list[PageObject]:
        """Objects that the page sent; raises as `save`."""
        if len(records) > MOST_OBJECTS:
            most, given = counted(MOST_OBJECTS, "object"), len(records)
            raise UsageError("U03", f"an image takes {most}, and these are {given}.")
        return read_objects(records, self.images.size(entry), len(self.classes))

    def size(self, entry: Entry) -> Size:
        """(height, width) of an image; raises as `Images.size`."""
        return self.images.size(entry)

    @property
    def _main_file(self) -> Corrections:
        """Corrections of the folder, or of images that come by the page where there is none."""
        return self._files[self.folder or self.images.uploads]

    def status(self, entry: Entry) -> tuple[Status, int | None]:
        """The status of an image in the list, and its number of objects."""
        if entry.message is not None:
            return "unreadable", None
        saved = self._files[entry.root].get(entry.name)
        if saved is not None:
            return "done" if saved.done else "corrected", len(saved.objects)
        objects = None if self.predictions is None else self.current_objects(entry)
        return ("new", None) if objects is None else ("predicted", len(objects))

    def _known(self, entry: Entry, name: str) -> Result | None:
        return None if self.predictions is None else self.predictions.known(entry, name)

    def _found(self, entry: Entry, result: Result, name: str) -> _Objects:
        """Objects from the threshold of a model on, and candidates below it."""
        key = entry.id, name
        known = self._objects.get(key)
        if known is None:
            rows = {item.name: self.classes.label_of(item.name) for item in result.classes}
            threshold = self.models.get(name).shown_from
            objects = found_objects(result, rows)
            found = [item for item in objects if (item.score or 0) >= threshold]
            below = [item for item in objects if (item.score or 0) < threshold]
            named = [replace(item, id=f"c{item.id[1:]}") for item in below[:MOST_CANDIDATES]]
            known = found, named
            with self._keeping:
                self._objects[key] = known
                while len(self._objects) > MOST_RESULTS:
                    del self._objects[next(iter(self._objects))]
        return known
