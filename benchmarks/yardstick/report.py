"""What the comparison came to, as Markdown; whichever way it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AIM_POINTS = 5.0  # of mask AP that relook is to be ahead
AIM_FACTOR = 1.0  # of the yardstick's time per image that it may take


@dataclass(frozen=True, slots=True)
class Row:
    """One finished training, ready for the table."""

    title: str
    numbers: Mapping[str, Any]  # of `training.run_job`
    rate: float
    tried: int  # rates that the choice was made from
    time: Mapping[str, float]  # of `timing.summary`, against relook


def table(rows: Sequence[Row]) -> str:
    """One line a training: AP in points, time per image and that of relook over it."""
    cells = [
        (
            "",
            "mask AP",
            "mask AP50",
            "box AP",
            "F1",
            "parameters",
            "images seen",
            "minutes",
            "rate (of tried)",
            "ms per image",
            "time over relook's",
        )
    ]
    for row in rows:
        found = row.numbers
        cells.append(
            (
                row.title,
                *(f"{100 * found[name]:.1f}" for name in ("mask_ap", "mask_ap50", "box_ap")),
                "-" if found["f1"] is None else f"{found['f1']:.3f}",
                f"{found['parameters'] / 1e6:.2f} M",
                f"{found['images']:,}",
                f"{found['minutes']:.1f}",
                f"{row.rate:g} (of {row.tried})",
                f"{row.time['ms']:.0f}",
                f"{row.time['factor']:.2f}",
            )
        )
    return markdown(cells)


def tries_table(tries: Sequence[tuple[str, float, Mapping[str, Any]]]) -> str:
    """Mask AP of (contender, rate, numbers) on the held-out part of train."""
    cells = [("contender", "rate", "held-out mask AP", "images seen")]
    for contender, rate, found in tries:
        diverged = "diverged" in found
        ap = "diverged" if diverged else f"{100 * found['mask_ap']:.1f}"
        cells.append((contender, f"{rate:g}", ap, "-" if diverged else f"{found['images']:,}"))
    return markdown(cells)


def verdict(rows: Sequence[Row], own_paste: Mapping[str, float]) -> list[str]:
    """Sentences: how far ahead relook, the first row, is of the others, and at what time.

    `own_paste` is the time of the second row with torchvision's paste, against relook.
    """
    relook, minutes, images = rows
    lead = [
        100 * (relook.numbers["mask_ap"] - other.numbers["mask_ap"]) for other in (minutes, images)
    ]
    factor = 1 / minutes.time["factor"]
    low, high = 1 / minutes.time["factor_high"], 1 / minutes.time["factor_low"]
    points = min(lead) >= AIM_POINTS
    time = factor <= AIM_FACTOR
    return [
        f"Mask AP of relook minus torchvision's: {lead[0]:+.1f} points after equal minutes, "
        f"{lead[1]:+.1f} after equal images.",
        f"Time per image of relook over torchvision's: {factor:.2f} (quartiles over the images "
        f"{low:.2f} to {high:.2f}) when relook pastes the masks of both, "
        f"{1 / own_paste['factor']:.2f} when torchvision pastes its own "
        f"({own_paste['ms']:.0f} ms per image).",
        f"Aim: at least {AIM_POINTS:g} points ahead in both, {_reached(points)}; "
        f"at no more time per image, {_reached(time)}.",
    ]


def edge_warnings(best: Mapping[Any, float], rates: Sequence[float]) -> list[str]:
    """A sentence for each contender whose best rate has no neighbour on one side."""
    ends = {min(rates), max(rates)}
    return [
        f"The best rate of {contender}, {rate:g}, is at the end of those tried: a further one "
        "may be better."
        for contender, rate in best.items()
        if len(rates) > 1 and rate in ends
    ]


def markdown(cells: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first row its head; numbers stand to the right."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = [
        "| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |"
        for row in cells
    ]
    rule = "| " + "-" * widths[0] + " | " + " | ".join("-" * (w - 1) + ":" for w in widths[1:])
    return "\n".join([lines[0], rule + " |", *lines[1:]])


def _reached(reached: bool) -> str:
    return "reached" if reached else "not reached"
