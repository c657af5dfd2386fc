"""The plan of an ablation: the settings of each row, under one budget, for every seed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..config.plugins import allowed
from ..errors import DataError, ModelError, RelookError, UsageError, brief, counted
from ..runtime.files import is_draft, write_text
from ..runtime.json_files import read_json
from ..runtime.locks import LOCK
from ..training.recipe import UNLIMITED, Recipe
from ..training.settings import Overlay, Settings, resolve
from .job import Job
from .rows import BUDGETED, Row

PLAN, FORMAT = "plan.json", 1
FREE = ("train.workers",)
"""Settings that may differ when an ablation is resumed: results do not depend on them."""
_SHOWN = 5  # differences
_SCHEDULE = Overlay(train={"epochs": Recipe().epochs, "step_epochs": Recipe().step_epochs})
"""The default for all rows; some presets' recipes are longer."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Budget of every training: a number of epochs, or of minutes."""

    epochs: int | None = None
    minutes: float | None = None

    def spent_by(self, recipe: Recipe) -> Recipe:
        """`recipe` within the budget; its rate drops after the same fractions of the training."""
        epochs = self.epochs or UNLIMITED
        drops = {max(1, round(epoch * epochs / recipe.epochs)) for epoch in recipe.step_epochs}
        return recipe.with_(epochs=epochs, minutes=self.minutes, step_epochs=tuple(sorted(drops)))

    def __str__(self) -> str:
        return counted(self.epochs, "epoch") if self.epochs else f"{self.minutes:g} minutes"


def settings_for(row: Row, common: Sequence[Overlay], budget: Budget) -> Settings:
    """The settings of `row`; its changes win over the `common` ones, and the budget over both.

    Raises:
        UsageError: the row or the settings cannot be used; U04 for settings that need a
            validation while training, or for missing data.
    """
    try:
        settings = resolve([_SCHEDULE, *common, row.overlay()], preset_name=row.model)
    except UsageError as error:
        named = "" if f"row {row.name}" in error.message else f"row {row.name}: "
        raise UsageError(error.code, f"{named}{error.message}") from None
    if settings.data.val_json is None:
        raise UsageError("U04", "nothing to score the rows on; pass --val-json FILE.")
    if settings.train.patience is not None:
        raise UsageError(
            "U04",
            f"row {row.name}: train.patience stops a training by its validations, but all rows "
            "have the same budget, and the images they are scored on choose nothing. Remove it.",
        )
    return settings.with_(train=budget.spent_by(settings.train))


def check_common(overlay: Overlay) -> None:
    """Refuse `--set` of settings that an ablation sets by options of its own.

    Raises:
        UsageError: U04 when `overlay` has such a setting.
    """
    for key in BUDGETED:
        if key.removeprefix("train.") in overlay.train:
            raise UsageError(
                "U04",
                f"--set {key}: an ablation has --epochs or --budget, and --seeds, for all rows.",
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows by name, in order, with the settings of their first seed."""

    rows: Mapping[str, Settings]
    seeds: int

    def jobs(self) -> Iterator[Job]:
        """Every row with every seed; all rows with one seed, then all with the next."""
        for seed in range(self.seeds):
            for row, settings in self.rows.items():
                text = settings.with_(train__seed=seed).to_yaml()
                yield Job(row, seed, f"{_folder(row)}-seed{seed}", text, allowed())

    def content(self) -> dict[str, Any]:
        """Return what must be the same for an ablation to go on: rows, budget, data and start.

        Raises:
            DataError: D01 when an annotation file is missing.
        """
        files = {
            path
            for settings in self.rows.values()
            for path in (
                settings.data.train_json,
                settings.data.val_json,
                settings.train.backbone_from,
            )
            if path is not None
        }
        return {
            "format": FORMAT,
            "rows": {
                name: settings.model_dump(mode="json") for name, settings in self.rows.items()
            },
            "files": {str(path): _digest(path) for path in sorted(files)},
        }

    def start(self, folder: Path, *, resume: bool) -> None:
        """Claim `folder` for this plan, or check that it holds this plan already.

        Raises:
            UsageError: U04 when the folder holds something else, or a plan that differs; the
                differences are named.
            RelookError: R02 when it cannot be written.
        """
        _check_names(self.rows)
        path, content = folder / PLAN, self.content()
        if path.is_file():
            if not resume:
                raise UsageError(
                    "U04",
                    f"{folder} holds an ablation already. Go on with the same command and "
                    "--resume, or choose a new --out.",
                )
            _compare(path, content)
        elif folder.exists() and (not folder.is_dir() or _other_files(folder)):
            raise UsageError("U04", f"{folder} holds other files; choose a new --out.")
        else:
            write_text(path, json.dumps(content, indent=2) + "\n")


def _compare(path: Path, content: Mapping[str, Any]) -> None:
    before_content = read_json(path, dict[str, Any], "Start the ablation anew, in a new --out.")
    version = before_content.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise ModelError(
            "M03",
            f"{path} has format {brief(version)}, of a newer relook; this is relook "
            f"{__version__}, which reads up to {FORMAT}. Update relook.",
        )
    try:
        before = _flat(_with_newer_settings(before_content))
    except RecursionError:
        raise DataError("D03", f"{path} is nested too deeply. Choose a new --out.") from None
    now = _flat(content)
    names = list(dict.fromkeys([*before, *now]))
    different = [n for n in names if before.get(n) != now.get(n) and not n.endswith(FREE)]
    if different:
        lines = [
            f"  {n[:100]}: {_then(before, n)} then, {_then(now, n)} now" for n in different[:_SHOWN]
        ]
        suffix = f"\n  and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        raise UsageError(
            "U04",
            f"{path.parent} is of another ablation, whose numbers cannot stand in one table with "
            "these. Repeat the command as it was, or choose a new --out. What differs:\n"
            + "\n".join(lines)
            + suffix,
        )


def _other_files(folder: Path) -> bool:
    """Return whether `folder` has files of anything but an ablation that was stopped at once."""
    return any(path.name != LOCK and not is_draft(path) for path in folder.iterdir())


def _with_newer_settings(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content`, in which settings that are newer than its relook have their defaults."""
    rows = content.get("rows")
    if not isinstance(rows, dict):
        return dict(content)
    return {**content, "rows": {name: _completed(row) for name, row in rows.items()}}


def _completed(row: Any) -> Any:
    """All settings of a row; `row` itself where this relook cannot read it."""
    try:
        return Settings.model_validate_json(json.dumps(row)).model_dump(mode="json")
    except (ValueError, RelookError):
        return row


def _then(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, "not there")
    return value[:200] if isinstance(value, str) else brief(value)


def _flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Values by their path; a mapping without keys is a value."""
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    return {
        name: value
        for key, child in tree.items()
        for name, value in _flat(child, f"{path}.{key}" if path else str(key)).items()
    }


def _folder(row: str) -> str:
    return re.sub(r"[^\w+.-]", "_", row)


def _check_names(rows: Mapping[str, Settings]) -> None:
    """Refuse rows that would share a folder, also where file names ignore upper case."""
    rows_by_folder: dict[str, str] = {}
    for row in rows:
        earlier = rows_by_folder.setdefault(_folder(row).lower(), row)
        if earlier != row:
            raise UsageError("U04", f"rows {earlier} and {row} would share a folder; rename one.")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError("D01", f"{path}: the file cannot be read ({error}).") from None
