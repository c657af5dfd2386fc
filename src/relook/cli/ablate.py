"""``relook ablate``: the rows of a table, trained and evaluated under one budget."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..data.coco.leniency import STRICT, Leniency
from ..errors import DataError, UsageError
from .annotation_options import leniency_changes, takes_leniency
from .options import Allow
from .progress import notices
from .terminal import say
from .training_options import (
    DATA,
    RECIPE,
    Assignments,
    ConfigFile,
    FromScratch,
    Images,
    Rate,
    Schedule,
    SemanticMaps,
    Semantics,
    StepImages,
    TrainImages,
    TrainJson,
    ValImages,
    data_options,
    overlays,
    rate,
)

if TYPE_CHECKING:
    from ..training.settings import Settings


@takes_leniency
def ablate(
    rows: Annotated[
        str,
        typer.Option(
            metavar="ROWS",
            help="Groups (main, rfp, sac, dsc, guidance, hybrid), rows (htc, +rfp, ...; "
            "docs/ablations.md has them all) and YAML files, with commas between. The first row "
            "is the baseline of the others.",
        ),
    ] = "main",
    scale: Annotated[
        Literal["tiny", "r50"],
        typer.Option(help="Size of the named rows: for small machines, or as the papers' tables."),
    ] = "tiny",
    train_json: TrainJson = None,
    val_json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="COCO instances to score the last weights on.",
            rich_help_panel=DATA,
        ),
    ] = None,
    images: Images = None,
    train_images: TrainImages = None,
    val_images: ValImages = None,
    semantics: Semantics = None,
    semantic_maps: SemanticMaps = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES", help="Wall-clock time of each training.", rich_help_panel=RECIPE
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Epochs of each training: the same images for all rows, on any machine.",
            rich_help_panel=RECIPE,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Trainings of each row.", rich_help_panel=RECIPE)
    ] = 1,
    batch: StepImages = None,
    lr: Rate = None,
    schedule: Schedule = None,
    from_scratch: FromScratch = False,
    side_by_side: Annotated[
        bool,
        typer.Option(
            "--side-by-side", help="A training on each core, with one thread; else one at a time."
        ),
    ] = False,
    at_once: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="N trainings at a time, with one thread each, on any free cores: for small "
            "models that share a GPU.",
        ),
    ] = None,
    time_images: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Time the first N validation images; 0: no times."),
    ] = 5,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Resume the ablation in --out; repeat the same command."),
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of trainings and table.")
    ] = Path("runs/ablation"),
    leniency: Leniency = STRICT,
    config: ConfigFile = None,
    assignments: Assignments = None,
    _allow: Allow = None,
) -> None:
    """Train and evaluate the rows of an ablation table, and write the table.

    Finished trainings are kept when the command is stopped; --resume continues it.
    """
    if (budget is None) == (epochs is None):
        raise UsageError("U04", "one budget for all rows: pass either --epochs N or --budget MIN.")
    if side_by_side and at_once is not None:
        raise UsageError("U04", "--side-by-side and --at-once both set the number; pass one.")
    from ..ablation.jobs import ANY_CORE, WHOLE_MACHINE, Core
    from ..ablation.plan import Budget, Plan, check_common, settings_for
    from ..ablation.rows import choose_rows

    cores: list[Core] = [ANY_CORE] * at_once if at_once else [WHOLE_MACHINE]
    options = {
        "batch": batch,
        "lr": rate(lr),
        "semantics": semantics,
        "semantic_maps": semantic_maps,
        "from_scratch": from_scratch or None,
        "workers": 0 if side_by_side or cores[0] != WHOLE_MACHINE else None,
    }
    data = {
        **data_options(train_json, val_json, images, train_images, val_images),
        **leniency_changes(leniency),
    }
    common = overlays(config, schedule, options, data, assignments or [])
    check_common(common[-1])
    budget_each, chosen = Budget(epochs, budget), choose_rows(rows, scale)
    plan = Plan({row.name: settings_for(row, common, budget_each) for row in chosen}, seeds)
    _check_files(plan.rows.values())
    from ..ablation.ablation import Ablation
    from ..ablation.ablation import side_by_side as all_cores

    console = notices()
    ablation = Ablation(
        rows=chosen,
        plan=plan,
        budget=budget_each,
        folder=out,
        command=shlex.join(["relook", *sys.argv[1:]]),
        say=console.print,
        cores=[*all_cores()] if side_by_side else cores,
        timed_images=time_images,
    )
    ablation.run(resume=resume)
    say((out / "table.md").read_text(encoding="utf-8"), nl=False)
    console.print(f"table: {out / 'table.md'}, {out / 'table.csv'}, {out / 'plot.svg'}")


def _check_files(rows: Iterable[Settings]) -> None:
    """Tell what is not there before Lightning is imported.

    Raises:
        DataError: D01.
    """
    for settings in rows:
        for path in (settings.data.train_json, settings.data.val_json):
            if path is not None and not path.exists():
                raise DataError("D01", f"{path}: there is no such annotation file.")
