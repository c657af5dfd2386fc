"""``relook models``: the architectures with their sizes and published numbers, and the trained
models that come with relook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from .terminal import PlainConsole, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ..analysis.counts import Counts
    from ..config.presets import Preset
    from ..weights.shipped import ShippedModel

NARROWEST: Final = 140  # columns of a table where there is no terminal


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print json instead of a table.")] = False,
) -> None:
    """List the models: parameters, multiply-adds, published COCO AP and its source; then the
    trained models that come with relook.

    Multiply-adds are those of one image of 800x1344 pixels with 1000 proposals and 100 masks.
    """
    from ..config.presets import PRESETS
    from ..weights.shipped import SHIPPED

    presets = [describe(name, preset) for name, preset in PRESETS.items()]
    shipped = [describe_shipped(name, model) for name, model in SHIPPED.items()]
    if as_json:
        say(json.dumps(presets + shipped, indent=1))
    else:
        _print_tables(presets, shipped)


def describe(name: str, preset: Preset) -> dict[str, Any]:
    """One architecture as json values."""
    from ..analysis.counts import counts_of
    from ..config.published import published_for

    published = published_for(name)
    return {
        "name": name,
        "about": preset.about,
        **_size(counts_of(name)),
        "published": published
        and {"box_ap": published.box, "mask_ap": published.mask, "source": published.source},
        "shipped": False,
    }


def describe_shipped(name: str, model: ShippedModel) -> dict[str, Any]:
    """One trained model as json values: those of its architecture, its preset and its file."""
    from ..analysis.counts import counts_of
    from ..weights.shipped import shipped_file

    path = shipped_file(name)
    return {
        "name": name,
        "about": model.about,
        **_size(counts_of(name)),
        "published": None,
        "shipped": True,
        "preset": model.preset,
        "path": str(path),
        "bytes": path.stat().st_size,
    }


def _size(counts: Counts) -> dict[str, Any]:
    parameters, multiply_adds = counts["parameters"], counts["multiply_adds"]
    return {
        "parameters": sum(parameters.values()),
        "multiply_adds": sum(multiply_adds.values()),
        "parameters_by_part": parameters,
        "multiply_adds_by_part": multiply_adds,
    }


def _print_tables(presets: list[dict[str, Any]], shipped: list[dict[str, Any]]) -> None:
    console = PlainConsole()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    _print_presets(presets, console)
    console.print("\nTrained, and part of relook: --model NAME, --weights NAME, relook.load(NAME)")
    _print_shipped(shipped, console)


def _print_presets(rows: list[dict[str, Any]], console: Console) -> None:
    from ..analysis.counts import MASKS, PROPOSALS, SIZE

    table = _table("model", "M parameters", "G multiply-adds", "box AP", "mask AP")
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
    console.print(table)
    console.print(
        f"Multiply-adds: one image of {SIZE[0]}x{SIZE[1]} pixels, {PROPOSALS} proposals, {MASKS} "
        "masks. AP: COCO val2017, as published for models of this kind; no published weights "
        "were opened."
    )


def _print_shipped(rows: list[dict[str, Any]], console: Console) -> None:
    table = _table("model", "MB")
    table.add_column("architecture", no_wrap=True)
    table.add_column("about")
    for row in rows:
        table.add_row(row["name"], f"{row['bytes'] / 1e6:.1f}", row["preset"], row["about"])
    console.print(table)


def _table(name: str, *numbers: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(name, no_wrap=True)
    for title in numbers:
        table.add_column(title, justify="right")
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
