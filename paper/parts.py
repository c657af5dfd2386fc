"""Parts of the page that its story is put together from."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache

from relook.analysis.complexity import complexity
from relook.analysis.counts import counts_of
from relook.config.presets import preset
from relook.visualization.page import figure, figure_of, grid, legend

from .photographs import Photograph
from .sketch import Drawn
from .sliders import Look

MOST_LOOKS = 3


class Parts:
    """Equations by their title, each to be shown exactly once.

    Args:
        equations: HTML by title.
    """

    def __init__(self, equations: Mapping[str, str]) -> None:
        self._equations = dict(equations)

    def equation(self, title: str) -> str:
        """HTML of an equation.

        Raises:
            LookupError: when there is none of this title, or it was shown before.
        """
        if title not in self._equations:
            raise LookupError(f"the story tells of {title!r}, which is no equation that is left")
        return self._equations.pop(title)

    def finish(self) -> None:
        """Check that the story has shown every equation.

        Raises:
            LookupError: when one is missing in the story.
        """
        if self._equations:
            raise LookupError(f"the story leaves out: {', '.join(self._equations)}")

    def costs(self) -> tuple[Look, ...]:
        """The costs of each number of looks, counted on R-50 at 800x1344."""
        return _costs()

    def costs_in_words(self) -> str:
        """The costs as a sentence, for a page without scripts."""
        rows = [
            f"T = {one.looks}: {one.parameters:.0f} million parameters, {one.work:.2f} times the "
            "multiply-adds of one look"
            for one in _costs()
        ]
        return f"DetectoRS with R-50 at 800x1344, counted: {'; '.join(rows)}."


@cache
def _costs() -> tuple[Look, ...]:
    found = []
    for steps in range(1, MOST_LOOKS + 1):
        own = preset("detectors-htc-r50")
        if own.pyramid.steps == steps:
            stored = counts_of("detectors-htc-r50")
            parameters = sum(stored["parameters"].values())
            work = sum(stored["multiply_adds"].values())
        else:
            counted = complexity(own.with_(pyramid__steps=steps))
            parameters = sum(counted.parameters.values())
            work = sum(counted.multiply_adds.values())
        found.append((steps, parameters / 1e6, work))
    return tuple(Look(t, parameters, work / found[0][2]) for t, parameters, work in found)


def drawing(drawn: Drawn) -> str:
    """A drawn figure with its title and caption."""
    title = f'<figcaption class="title">{html.escape(drawn.title)}</figcaption>'
    return figure_of(title + drawn.svg, drawn.caption)


def photograph(shown: Photograph) -> str:
    """Pictures from a running model, beside each other."""
    key = legend([(words, f"rgb{color}") for words, color in shown.colors]) if shown.colors else ""
    panels = grid([figure(picture, name) for name, picture in shown.panels], "panels")
    return figure_of(key + panels, shown.caption)


def without_script(words: str) -> str:
    """A sentence in place of a slider, where no scripts are run."""
    return f"<noscript><p>{html.escape(words)}</p></noscript>"
