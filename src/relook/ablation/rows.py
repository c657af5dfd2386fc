"""Rows of ablation tables: a preset, and changes of its model and its training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.base import assign
from ..config.cascades import DSCConfig
from ..config.presets import preset
from ..config.yaml_text import BadYaml, load_yaml
from ..errors import DataError, UsageError, brief, did_you_mean
from ..training.settings import Overlay

SCALES = ("tiny", "r50")
BUDGETED = ("train.epochs", "train.minutes", "train.steps", "train.seed")
"""Settings that all rows share; a row must not change them."""
_FILE_ENDINGS = (".yaml", ".yml")
_KEYS = ("model", "set")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a preset and changes of fields; ``{}`` in the preset's name stands for a scale."""

    name: str
    model: str
    changes: Mapping[str, Any] = field(default_factory=dict)  # by model.FIELD or train.FIELD

    def at(self, scale: str) -> Row:
        """This row with the preset of `scale`."""
        return Row(self.name, self.model.format(scale), self.changes)

    def overlay(self) -> Overlay:
        """The changes, as a layer of settings.

        Raises:
            UsageError: U02 for a key that is neither of the model nor of the training, U03 for two
                keys that cannot both be, U04 for a setting that all rows share.
        """
        tree: dict[str, Any] = {"model": {}, "train": {}}
        for key, value in self.changes.items():
            root, *path = str(key).split(".")
            if root not in tree or not all(path) or not path:
                raise UsageError(
                    "U02",
                    f"row {self.name}: unknown key {key}; keys begin with model. or train., as in "
                    "model.pyramid.steps or train.ema.",
                )
            if key in BUDGETED:
                raise UsageError(
                    "U04",
                    f"row {self.name}: {key} is the same for all rows of an ablation; give "
                    "--budget, --epochs or --seeds.",
                )
            assign(tree, [root, *path], value)
        return Overlay(model=tree["model"], train=tree["train"])

    @property
    def is_a_preset(self) -> bool:
        """Return whether the model is the preset's; the training may differ."""
        return not any(key.startswith("model.") for key in self.changes)


def _row(name: str, model: str, **changes: Any) -> Row:
    return Row(name, model, {f"model.{k.replace('__', '.')}": v for k, v in changes.items()})


_RFP, _SAC, _FAST_DSC = "htc-{}-rfp", "htc-{}-sac", "fast-dsc-{}"

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        _row("htc", "htc-{}"),
        _row("+rfp", _RFP),
        _row("+sac", _SAC),
        _row("both", "detectors-htc-{}"),
        # The published "+RFP" also standardises weights: this row is its baseline.
        _row("htc+ws", "htc-{}", backbone__weight_standardisation=True),
        _row("rfp+sharing", _RFP, pyramid__share_backbone=True),
        _row("rfp-aspp", _RFP, pyramid__connector="none"),
        _row("rfp-fusion", _RFP, pyramid__fusion="none"),
        _row("rfp+3x", _RFP, pyramid__steps=3),
        _row("sac-dcn", _SAC, backbone__sac__deformable=False),
        _row(
            "sac-dcn-global",
            _SAC,
            backbone__sac__deformable=False,
            backbone__sac__context=False,
        ),
        _row(
            "sac-dcn-locking",
            _SAC,
            backbone__sac__deformable=False,
            backbone__sac__locked=False,
        ),
        _row(
            "sac-dcn+ds",
            _SAC,
            backbone__sac__deformable=False,
            backbone__sac__switch="dual",
        ),
        _row("sac-sigmoid", _SAC, backbone__sac__switch="sigmoid"),
        _row("fast-dsc", _FAST_DSC),
        _row("full-dsc", "dsc-{}"),
        _row(
            "dsc-equations", "dsc-{}", cascade=DSCConfig.paper().model_dump(exclude_defaults=True)
        ),
        _row("dsc-initial", _FAST_DSC, cascade__guidance__initial=False),
        _row("dsc-exsg", _FAST_DSC, cascade__guidance__explicit=False),
        _row("dsc-imsg", _FAST_DSC, cascade__guidance__implicit=False),
        _row("dsc-plus1", _FAST_DSC, cascade__guidance__plus_one=False),
        _row("dsc-afa", _FAST_DSC, cascade__guidance__alignment="none"),
        _row("dsc-afa+recompute", _FAST_DSC, cascade__guidance__alignment="recompute"),
        _row("htc-interleaving", "htc-{}", cascade__hybrid__interleaved=False),
        _row("htc-mask-flow", "htc-{}", cascade__hybrid__mask_flow=False),
        # Both: a branch that is off is switched on again if the training has its labels.
        Row("htc-semantics", "htc-{}", {"model.semantic": None, "train.semantics": "none"}),
        _row("htc-fusion-boxes", "htc-{}", semantic__fuse__boxes=False),
        _row("htc-fusion-masks", "htc-{}", semantic__fuse__masks=False),
    )
}
"""The named rows."""

EQUALS = (
    ("+rfp", "htc+ws"),
    ("+sac", "htc+ws"),
    ("both", "+rfp"),
    ("both", "+sac"),
    ("sac-dcn", "+sac"),
    ("sac-dcn-global", "sac-dcn"),
    ("sac-dcn-locking", "sac-dcn"),
    ("sac-dcn+ds", "sac-dcn"),
    ("sac-sigmoid", "+sac"),
    ("full-dsc", "fast-dsc"),
    ("dsc-initial", "fast-dsc"),
    ("dsc-exsg", "fast-dsc"),
    ("dsc-imsg", "fast-dsc"),
    ("dsc-plus1", "fast-dsc"),
    ("dsc-afa", "fast-dsc"),
    ("dsc-afa+recompute", "dsc-afa"),
)
"""Row, and the row that differs from it in one setting, where that is not the first row. The
published "+RFP" and "+SAC" standardise weights too, and so do their baselines here."""

GROUPS: dict[str, tuple[str, ...]] = {
    "main": ("htc", "+rfp", "+sac", "both"),
    "rfp": ("+rfp", "rfp+sharing", "rfp-aspp", "rfp-fusion", "rfp+3x"),
    "sac": ("+sac", "sac-dcn", "sac-dcn-global", "sac-dcn-locking", "sac-dcn+ds", "sac-sigmoid"),
    "dsc": ("htc", "fast-dsc", "full-dsc", "dsc-equations"),
    "guidance": (
        "fast-dsc",
        "dsc-initial",
        "dsc-exsg",
        "dsc-imsg",
        "dsc-plus1",
        "dsc-afa",
        "dsc-afa+recompute",
    ),
    "hybrid": (
        "htc",
        "htc-interleaving",
        "htc-mask-flow",
        "htc-semantics",
        "htc-fusion-boxes",
        "htc-fusion-masks",
    ),
}
"""Names of groups of rows; the first row of a group is its baseline."""


def choose_rows(text: str, scale: str) -> list[Row]:
    """The rows of `text`: names of rows, of groups and of YAML files, separated by commas.

    A row named twice is taken once. The first row is the baseline of the others.

    Raises:
        UsageError: U01 for an unknown name or preset, U02 or U03 for a file that is no list of
            rows, U04 when two rows of one name differ.
        DataError: D01 when there is no such file.
    """
    chosen: dict[str, Row] = {}
    for row in _expanded([part.strip() for part in text.split(",") if part.strip()], scale):
        if chosen.setdefault(row.name, row) != row:
            raise UsageError("U04", f"two rows that differ are called {row.name}; rename one.")
    if not chosen:
        raise UsageError("U03", f"--rows {text!r}: no row is named; {_hint('')}")
    return list(chosen.values())


def _expanded(parts: Sequence[str], scale: str) -> Iterable[Row]:
    for part in parts:
        if part.endswith(_FILE_ENDINGS):
            yield from read_rows(Path(part))
        elif part in ROWS or part in GROUPS:
            yield from (ROWS[name].at(scale) for name in GROUPS.get(part, (part,)))
        else:
            raise UsageError("U01", f"--rows: unknown row {part!r}; {_hint(part)}")


def _hint(part: str) -> str:
    return f"{did_you_mean(part, [*GROUPS, *ROWS])} A file of rows ends with .yaml."


def read_rows(path: Path) -> list[Row]:
    """The rows of a YAML file: ``rows: {NAME: {model: PRESET, set: {model.FIELD: VALUE}}}``.

    Raises:
        DataError: D01 when there is no such file.
        UsageError: U01 for an unknown preset, U02 for an unknown key, U03 for text that is no
            such mapping.
    """
    try:
        tree = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("D01", f"{path}: the rows cannot be read ({error}).") from None
    except BadYaml as error:
        raise UsageError("U03", f"{path}: not a YAML file ({error}). Correct it.") from None
    content = _mapping(tree, ("rows",), str(path))
    rows = content.get("rows")
    if not isinstance(rows, dict) or not rows:
        raise UsageError(
            "U03", f"{path}: rows must be a mapping of names to rows; got {brief(rows)}"
        )
    return [_read_row(str(name), fields, path) for name, fields in rows.items()]


def _read_row(name: str, fields: Any, path: Path) -> Row:
    where = f"{path}: row {name}"
    parts = _mapping(fields, _KEYS, where)
    model, changes = parts.get("model"), parts.get("set", {})
    if not isinstance(model, str):
        raise UsageError("U03", f"{where}: model must be the name of a preset; got {brief(model)}")
    if not isinstance(changes, dict) or not all(isinstance(key, str) for key in changes):
        raise UsageError("U03", f"{where}: set must be a mapping of fields; got {brief(changes)}")
    try:
        preset(model)
    except UsageError as error:
        raise UsageError(error.code, f"{where}: {error.message}") from None
    return Row(name, model, changes)


def _mapping(value: Any, keys: Sequence[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(
            "U03", f"{where}: expected a mapping with {', '.join(keys)}; got {brief(value)}"
        )
    for key in value:
        if key not in keys:
            raise UsageError(
                "U02", f"{where}: unknown key {str(key)[:80]}; {did_you_mean(str(key), keys)}"
            )
    return value
