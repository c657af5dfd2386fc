"""``relook models``: what can be built, how large it is, and what was published for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from .progress import notices, progress_bar

if TYPE_CHECKING:
    from ..presets import Preset

PROPOSALS: Final = 1000
MASKS: Final = 100
SIZE: Final = (800, 1344)
NARROWEST: Final = 140  # columns a table gets where there is no terminal to ask


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print json instead of a table.")] = False,
) -> None:
    """List the models: parameters, multiply-adds, published COCO AP and where it was published.

    Multiply-adds are those of one image of 800x1344 pixels with 1000 proposals and 100 masks.
    """
    from ..presets import PRESETS

    rows = []
    with progress_bar(notices()) as bar:
        for name, preset in bar.track(PRESETS.items(), description="measuring"):
            rows.append(describe(name, preset))
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        _print_table(rows)


def describe(name: str, preset: Preset) -> dict[str, Any]:
    """One model as json values."""
    from ..complexity import complexity

    size = complexity(preset.config, *SIZE, PROPOSALS, MASKS)
    published = preset.published
    return {
        "name": name,
        "about": preset.about,
        "parameters": sum(size.parameters.values()),
        "multiply_adds": sum(size.multiply_adds.values()),
        "parameters_by_part": size.parameters,
        "multiply_adds_by_part": size.multiply_adds,
        "published": published
        and {"box_ap": published.box, "mask_ap": published.mask, "source": published.source},
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("model", no_wrap=True)
    for title in ("M parameters", "G multiply-adds", "box AP", "mask AP"):
        table.add_column(title, justify="right")
    table.add_column("published by")
    table.add_column("about")
    for row in rows:
        published = row["published"] or {"box_ap": None, "mask_ap": None, "source": ""}
        table.add_row(
            row["name"],
            f"{row['parameters'] / 1e6:.1f}",
            f"{row['multiply_adds'] / 1e9:.0f}",
            _number(published["box_ap"]),
            _number(published["mask_ap"]),
            published["source"],
            row["about"],
        )
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    console.print(table)
    console.print(
        f"Multiply-adds: one image of {SIZE[0]}x{SIZE[1]} pixels, {PROPOSALS} proposals, {MASKS} "
        "masks. AP: COCO val2017, as published for models of this kind; no published weights "
        "were opened."
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
