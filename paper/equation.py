"""What an equation of a paper is on the page: formula, relook's lines, and a check that runs."""

from __future__ import annotations

import html
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from relook.ops.cpu import switch as fast
from relook.visualization.page import listing, paragraph, table

from .contents import heading
from .maths import formula
from .source import Lines

TOLERANCE = 1e-9  # float64 keeps about 16 digits, and some are lost in sums


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation, or one that a paper says in words."""

    title: str
    origin: str  # the paper and where in it, as far as the sources at hand say
    formulas: tuple[str, ...]  # in the notation of `maths`
    words: str  # what the letters mean, and what to know
    lines: tuple[Lines, ...]
    check: Callable[[], float]
    """The largest difference between relook and plain loops, on random numbers in float64."""
    tolerance: float = TOLERANCE


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of an equation said."""

    title: str
    difference: float
    seconds: float


class Disagreement(Exception):
    """An equation and the code differ."""


def run(equation: Equation) -> Checked:
    """Check one equation, from equal random numbers at every call.

    Raises:
        Disagreement: when relook and the loops differ by more than rounding.
    """
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]), fast.plain(), torch.no_grad():
        torch.manual_seed(0)
        difference = equation.check()
    if not difference <= equation.tolerance or math.isnan(difference):
        raise Disagreement(
            f"{equation.title}: the loops and relook differ by {difference:.3g}, and "
            f"{equation.tolerance:g} "
            "is allowed. Either the code has left the equation, or the check is wrong."
        )
    return Checked(equation.title, difference, time.perf_counter() - started)


def shown(equation: Equation, checked: Checked) -> str:
    """HTML of an equation with its lines and the result of its check."""
    formulas = "".join(
        f'<div class="scroll formula" tabindex="0">{formula(one)}</div>'
        for one in equation.formulas
    )
    verdict = (
        "Checked while this page was built against plain loops in float64. Largest difference: "
        f"{_size(checked.difference)}."
    )
    left = f"{formulas}{paragraph(equation.words)}{_verdict(verdict)}"
    excerpts = [lines.read() for lines in equation.lines]
    right = "".join(
        f'<p class="place">{html.escape(one.path)}, line {one.line}</p>{listing(one.text)}'
        for one in excerpts
    )
    return (
        f"{heading(equation.title)}<p class='soft'>{html.escape(equation.origin)}</p>"
        f'<div class="beside"><div>{left}</div><div>{right}</div></div>'
    )


def summary(checked: list[Checked]) -> str:
    """A table of all checks."""
    rows = [[one.title, _size(one.difference)] for one in checked]
    return table("Equations and their checks", ["equation", "largest difference"], rows)


def _size(difference: float) -> str:
    """In scientific notation, on one line."""
    return f"{difference:.1e}".replace("-", "\N{NON-BREAKING HYPHEN}") if difference else "none"


def _verdict(text: str) -> str:
    return f'<p class="checked">✓ {html.escape(text)}</p>'


def random(*shape: int) -> torch.Tensor:
    """Normal random numbers in float64."""
    return torch.randn(*shape, dtype=torch.float64)


def shaken(module: Any, deviation: float = 0.4) -> Any:
    """`module` in float64 and evaluation mode with random parameters and statistics."""
    module = module.double().eval()
    for value in module.parameters():
        value.copy_(random(*value.shape) * deviation)
    for name, value in module.named_buffers():
        if value.is_floating_point():
            drawn = random(*value.shape)
            value.copy_(drawn.abs() + 0.5 if "var" in name else drawn)
    return module


def numbers(tensor: torch.Tensor | None) -> Any:
    """A tensor as nested lists, for loops; None stays None."""
    return None if tensor is None else tensor.tolist()
