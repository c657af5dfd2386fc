"""Changes of the classes of a project: added, renamed and removed in all its files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Any

from ...errors import RelookError, UsageError, counted
from ..models import ModelShelf
from .classes import Classes
from .corrections import Corrections


class OtherClasses(RelookError):
    """Another page has changed the class in between."""

    def __init__(self, words: str) -> None:
        super().__init__("R07", f"{words} Look at the class again, and repeat the change.")


class ClassChanges:
    """Changes classes and saves them. Threads may share it.

    Args:
        classes: Of the project.
        models: Whose classes cannot be removed.
        files: Gives the files of corrections, the main one first.
        on_change: Called after each change.
    """

    def __init__(
        self,
        classes: Classes,
        models: ModelShelf,
        files: Callable[[], Collection[Corrections]],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._classes, self._models, self._files = classes, models, files
        self._on_change = on_change
        self._lock = threading.Lock()

    def records(self) -> list[dict[str, Any]]:
        """Each class as json values: its name, how many saved objects have it, in how many images,
        and the models that find it."""
        return [
            {"class": row, "name": name, **self._count(row), "models": self._finders(row)}
            for row, name in self._classes.rows()
        ]

    def add(self, text: str) -> int:
        """Add a class that a person names; its label.

        Raises:
            UsageError: U03 for a name that no new class has.
            RelookError: R02 when a file cannot be written, R07 when another program has changed
                it; there is then no such class.
        """
        with self._lock:
            changed = self._classes.copy()
            label = changed.add(text)
            self._save(changed)
            return label

    def rename(self, label: int, text: str, *, before: str) -> None:
        """Give a class another name in place of `before`; its objects keep it.

        Raises:
            OtherClasses: it is not called `before` any more.
            UsageError: U01 for an unknown class, else as `add`.
            RelookError: as `add`; it then keeps its name.
        """
        with self._lock:
            self._check(label, before)
            changed = self._classes.copy()
            changed.rename(label, text)
            self._save(changed)

    def remove(self, label: int, *, before: str, objects: int, to: int | None = None) -> None:
        """Remove the class `before`; its `objects`, of which the person knows, get the class `to`.

        Raises:
            OtherClasses: it has another name, or another number of saved objects.
            UsageError: U01 for an unknown class, U04 for one that a model finds, and for objects
                without another class.
            RelookError: as `add`; the class is then still there, with no object lost.
        """
        with self._lock:
            self._check(label, before)
            models = self._finders(label)
            if models:
                raise UsageError(
                    "U04",
                    f"the model {models[0]} finds the class {before!r}, which would come back with "
                    "the next image. Rename it, or hide its objects by its box.",
                )
            count = self._count(label)["objects"]
            words = counted(count, "saved object")
            if count != objects:
                raise OtherClasses(f"The class {before!r} has {words} by now, not {objects}.")
            if count:
                if to is None or to == label:
                    raise UsageError(
                        "U04", f"the class {before!r} has {words}. Choose another class for them."
                    )
                self._check(to, None)
                for file in self._files():
                    file.move(label, to)
            changed = self._classes.copy()
            changed.remove(label)
            self._save(changed)

    def _check(self, label: int, before: str | None) -> None:
        name = dict(self._classes.rows()).get(label)
        if name is None:
            raise UsageError("U01", f"there is no class {label}. Reload the page.")
        if before is not None and name != before:
            raise OtherClasses(f"The class {before!r} is called {name!r} by now.")

    def _count(self, label: int) -> dict[str, int]:
        counts = [file.count(label) for file in self._files()]
        return {"objects": sum(o for o, _ in counts), "images": sum(i for _, i in counts)}

    def _finders(self, label: int) -> list[str]:
        """Names of the models that find objects of a class."""
        meant = {*self._classes.earlier(label), dict(self._classes.rows()).get(label)}
        return [
            name
            for name in self._models.names()
            if any(item.name in meant for item in self._models.get(name).classes)
        ]

    def _save(self, changed: Classes) -> None:
        """Write the classes to the main file and to the others that are there."""
        for number, file in enumerate(self._files()):
            if number == 0 or file.path.exists():
                file.write_classes(changed)
        self._classes.become(changed)
        self._on_change()
