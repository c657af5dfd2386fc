"""The image that a person corrects next, of those that were not corrected."""

from __future__ import annotations

from functools import partial
from typing import Final

from .folders import Entry
from .project import Project
from .suggestions import Doubt, Suggestion, doubt_by_score, doubt_of, suggested

MOST_LOOKED_AT: Final = 40  # images, spread evenly where there are more
_NEW: Final = ("new", "predicted")


class NextImage:
    """Looks at images one after the other, and suggests the most doubtful one so far.

    Images that a person waits for are predicted before those that are looked at.

    Args:
        project: That is attached to what predicts.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._doubts: dict[tuple[int, str], Doubt] = {}

    def suggestion(self, model: str | None = None) -> Suggestion:
        """The image to correct next, of those that were looked at so far; the next one is looked
        at meanwhile.

        Raises:
            UsageError: U01 for an unknown model.
        """
        name = self._project.models.name(model)
        entries = [
            entry
            for entry in self._project.images
            if entry.message is None and self._project.status(entry)[0] in _NEW
        ]
        if len(entries) > MOST_LOOKED_AT:  # spread evenly, as neighbours are often alike
            step = len(entries) / MOST_LOOKED_AT
            entries = [entries[int(place * step)] for place in range(MOST_LOOKED_AT)]
        doubts, waiting = [], 0
        for entry in entries:
            doubt = self._doubts.get((entry.id, name))
            if doubt is None and not waiting:
                doubt = self._look(entry, name)
            if doubt is not None:
                doubts.append((entry.id, doubt))
            elif entry.message is None:
                waiting += 1
        return suggested(doubts, waiting)

    def _look(self, entry: Entry, name: str) -> Doubt | None:
        """The doubt about an image; None while it is being predicted, or where it cannot be."""
        predictions = self._project.predictions
        assert predictions is not None
        predictor = self._project.models.get(name)
        reading, threshold = predictor.reading(), predictor.shown_from
        get = partial(predictions.get, entry, name, is_background=True)
        result = get() if entry.message is None else None
        if result is None:
            return None
        if any(part is not None for part in (reading.channels, reading.page, reading.z)):
            doubt = doubt_by_score(result, threshold)
        else:
            mirrored = get(mirrored=True, reading=reading)
            if mirrored is None:
                return None
            doubt = doubt_of(result, mirrored, threshold)
        self._doubts[entry.id, name] = doubt
        return doubt
