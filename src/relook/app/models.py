"""The models of a server: each has a name and is loaded once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from ..api import load
from ..errors import UsageError, did_you_mean
from ..inference.predictor import Predictor
from ..model_files import find_model, name_of

_NAME: Final = re.compile(r"\w[\w.-]{0,63}", re.ASCII)


class ModelShelf:
    """Named models, the first of which is the default. Threads may share it.

    Args:
        device: Where models run, as in `relook.load`.
        fast: Whether they take the fast ways.
        precision: Of their features and hidden layers.
    """

    def __init__(self, *, device: str = "auto", fast: bool = True, precision: str = "fp32") -> None:
        self._options: dict[str, Any] = {"device": device, "fast": fast, "precision": precision}
        self._models: dict[str, Predictor] = {}
        self._lock = Lock()

    @classmethod
    def of(
        cls,
        models: Iterable[str],
        *,
        device: str = "auto",
        fast: bool = True,
        precision: str = "fp32",
    ) -> Self:
        """The shelf of `models`: each a path, a name that comes with relook, or ``NAME=PATH``.

        Raises:
            UsageError: U03 for two models of one name.
            RelookError: as `relook.load`.
        """
        shelf = cls(device=device, fast=fast, precision=precision)
        for text in models:
            name, equals, path = text.partition("=")
            if equals and _NAME.fullmatch(name) and not Path(text).exists():
                shelf.add(name, path)
            else:
                shelf.add(name_of(find_model(text)), text)
        return shelf

    def add(self, name: str, model: str | Path | Predictor) -> Predictor:
        """Load a model and put it under a new name; the first one is the default.

        Raises:
            UsageError: U03 for a name that is taken or none.
            RelookError: as `relook.load`.
        """
        self._check(name)
        if not isinstance(model, Predictor):
            model = load(model, **self._options)
        with self._lock:
            self._check(name)
            self._models[name] = model
        return model

    def _check(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(
                "U03",
                f"model name {name[:80]!r}: expected up to 64 letters, digits, dots, lines and "
                "minus signs. Give it another one: NAME=PATH.",
            )
        if name in self._models:
            raise UsageError(
                "U03", f"model {name}: there are two of this name. Give one another: NAME=PATH."
            )

    def names(self) -> list[str]:
        """Names of all models, the default first."""
        return list(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def get(self, name: str | None = None) -> Predictor:
        """The model of a name, by default the first one.

        Raises:
            UsageError: U01 for an unknown name.
        """
        return self._models[self.name(name)]

    def name(self, name: str | None = None) -> str:
        """The name itself, by default that of the first model; raises as `get`."""
        names = self.names()
        if name is None and names:
            return names[0]
        if name is None or name not in names:
            hint = did_you_mean(name or "", names)
            raise UsageError("U01", f"model: there is no model {(name or '')[:80]!r}; {hint}")
        return name

    def describe(self) -> list[dict[str, Any]]:
        """Each model as json values: what ``GET /models`` answers."""
        default, *_ = [*self.names(), None]
        return [
            {"name": name, "default": name == default, **_description(self._models[name])}
            for name in self.names()
        ]


def _description(predictor: Predictor) -> dict[str, Any]:
    config, backend = predictor.config, predictor.engine.backend
    sizes = predictor.sizes
    return {
        "classes": [{"id": item.id, "name": item.name} for item in predictor.classes],
        "masks": config.cascade.masks,
        "panoptic": bool(predictor.stuff),
        "size": list(config.input.size),
        "score": predictor.shown_from,
        "most_objects": config.cascade.select.max_detections,
        "device": str(predictor.device),
        "file": None if backend is None else backend.name,
        "object_sizes": None if sizes is None else sizes.line(),
        "licence": predictor.licence,
    }
