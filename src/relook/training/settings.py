"""From a preset, a YAML file and ``--set`` options to everything a training needs to know.

Later wins: defaults of the preset and its recipe, then the file, then options of the command
line, then ``--set``; within one of them a schedule is the weakest. A resolved `Settings` written
as YAML is itself such a file, and reading it back gives the same settings: that is what
``--resume`` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml

from .._version import __version__
from ..config.base import C, Config, assign, assign_all, overlay
from ..config.model import ModelConfig
from ..config.presets import preset
from ..config.yaml_text import BadYaml, load_yaml
from ..data.coco.leniency import Leniency
from ..errors import DataError, UsageError, brief, did_you_mean, first_few
from .recipe import Recipe, recipe_for, schedule_changes

FILE_KEYS = ("format", "model", "schedule", "train", "data")
FORMAT = 1
_NAMED = 5  # settings in a message


class DataConfig(Config):
    """Files that a training reads. Without `val_json` nothing is validated."""

    train_json: Path
    train_images: Path
    val_json: Path | None = None
    val_images: Path | None = None
    one_class: str | None = None
    """Name of the one class that all objects are taken as; None: the classes of the files."""
    frame: Literal["stored", "upright"] | None = None
    """Frame of the annotations of images that are stored turned; None: as their sizes tell."""
    leniency: Leniency = Leniency()
    """Leniency with which the annotation files are read."""


class Settings(Config):
    """A fully resolved training."""

    preset: str
    model: ModelConfig
    train: Recipe
    data: DataConfig

    def to_yaml(self) -> str:
        """YAML text that `resolve` turns into the same settings."""
        tree = self.model_dump(mode="json")
        model = {"preset": tree.pop("preset"), **tree.pop("model")}
        text = yaml.safe_dump({"format": FORMAT, "model": model, **tree}, sort_keys=False)
        return str(text)


class Overlay(Config):
    """Changes of one source: nested plain data, not yet checked against the fields."""

    preset: str | None = None
    schedule: str | None = None
    """Name of a published schedule, whose fields come before those in `train`."""
    model: dict[str, Any] = {}
    train: dict[str, Any] = {}
    data: dict[str, Any] = {}


def read_overlay(path: Path) -> Overlay:
    """The changes that the YAML file at `path` asks for.

    Raises:
        UsageError: U02 for a key other than model, schedule, train and data, U03 for text that
            is no YAML mapping or was written by a newer relook.
        DataError: D01 when there is no such file.
    """
    try:
        tree = load_yaml(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("D01", f"{path}: the configuration cannot be read ({error}).") from None
    except BadYaml as error:
        raise UsageError("U03", f"{path}: not a YAML file ({error}). Correct it.") from None
    if not isinstance(tree, dict):
        raise UsageError(
            "U03", f"{path}: a configuration has keys such as model and train; got {brief(tree)}."
        )
    for key in tree:
        if key not in FILE_KEYS:
            hint = did_you_mean(str(key), FILE_KEYS)
            raise UsageError("U02", f"{path}: unknown key {str(key)[:80]}; {hint}")
    _check_format(path, tree.get("format", FORMAT))
    return _overlay_from(path, tree)


def _check_format(path: Path, version: object) -> None:
    if version == FORMAT and type(version) is int:
        return
    if type(version) is int and version > FORMAT:
        raise UsageError(
            "U03",
            f"{path}: it has format {brief(version)}, of a newer relook; this is relook "
            f"{__version__}, which reads up to {FORMAT}. Update relook.",
        )
    raise UsageError("U03", f"{path}: format is {brief(version)}, and {FORMAT} is what there is.")


def _overlay_from(path: Path, tree: dict[str, Any]) -> Overlay:
    model = tree.get("model") or {}
    if isinstance(model, str):
        model = {"preset": model}
    parts = {"model": model, "train": tree.get("train") or {}, "data": tree.get("data") or {}}
    for name, part in parts.items():
        if not isinstance(part, dict):
            raise UsageError("U03", f"{path}: {name} must be a mapping; got {brief(part)}")
    model = dict(model)
    name = model.pop("preset", None)
    if name is not None and not isinstance(name, str):
        raise UsageError("U03", f"{path}: model.preset must be a name; got {brief(name)}")
    schedule = tree.get("schedule")
    if schedule is not None and not isinstance(schedule, str):
        raise UsageError("U03", f"{path}: schedule must be a name; got {brief(schedule)}")
    return Overlay(preset=name, schedule=schedule, **parts | {"model": model})


def parse_assignments(assignments: Sequence[str]) -> Overlay:
    """The changes of ``--set a.b=value`` options; values are read as YAML.

    A key may start with ``model.`` or ``train.``; without, the first part decides, since no
    name is a field of both.

    Raises:
        UsageError: U02 for an unknown first part, U03 for text that is not ``key=value``.
    """
    tree: dict[str, Any] = {"model": {}, "train": {}, "data": {}}
    for text in assignments:
        key, equals, value = text.partition("=")
        path = key.strip().split(".")
        if not equals or not all(path):
            raise UsageError(
                "U03", f"--set {brief(text)}: expected key=value, as in train.epochs=20"
            )
        if path[0] not in tree or len(path) == 1:
            path = [_root_of(path[0]), *path]
        try:
            assign(tree, path, load_yaml(value))
        except BadYaml as error:
            raise UsageError("U03", f"--set {brief(text)}: {error}. Correct the value.") from None
    return Overlay(model=tree["model"], train=tree["train"], data=tree["data"])


def _root_of(name: str) -> str:
    kinds: dict[str, type[Config]] = {"train": Recipe, "model": ModelConfig, "data": DataConfig}
    for root, kind in kinds.items():
        if name in kind.model_fields:
            return root
    known = [field for kind in kinds.values() for field in kind.model_fields]
    raise UsageError("U02", f"--set: unknown key {name}; {did_you_mean(name, known)}")


def resolve(
    overlays: Sequence[Overlay],
    *,
    preset_name: str | None = None,
    base: ModelConfig | None = None,
) -> Settings:
    """Settings from `overlays`, the weakest first.

    Args:
        overlays: changes, of which later ones win key by key.
        preset_name: wins over the presets that overlays name.
        base: the model to start from in place of the preset's, as when weights are given.

    Raises:
        UsageError: U04 when no preset is named or no data, U01 to U03 for what is wrong.
    """
    named = [o.preset for o in overlays if o.preset is not None]
    name = preset_name or (named[-1] if named else None)
    if name is None:
        raise UsageError(
            "U04",
            "no model is chosen; pass --model NAME (see `relook models`), or `relook train DATA`, "
            "which chooses a start.",
        )
    model, train = base or preset(name), recipe_for(name)
    data: dict[str, Any] = {}
    for changes in overlays:
        model = _apply(model, changes.model, "model")
        if changes.schedule is not None:
            train = _apply(train, schedule_changes(changes.schedule, model), "train")
        train = _apply(train, changes.train, "train")
        assign_all(data, changes.data)
    if "train_json" not in data or "train_images" not in data:
        raise UsageError(
            "U04",
            "nothing to train on; pass a folder or file of annotated images (relook train DATA), "
            "or --train-json FILE and --images DIR.",
        )
    return Settings(preset=name, model=model, train=train, data=_data(data))


def check_same_settings(before: Settings, now: Settings, run: Path) -> None:
    """Refuse to go on with `run` by other settings than those it began with.

    Raises:
        UsageError: U04 with the settings that differ.
    """
    old, new = (_leaves(settings.model_dump(mode="json")) for settings in (before, now))
    changes = [
        f"{name} is {new.get(name)!r}, and was {old.get(name)!r}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]
    if changes:
        raise UsageError(
            "U04",
            f"{run} began with other settings: {first_few(changes, _NAMED)}. A resumed training "
            "goes on as it began. Give the same settings, or choose a new --out.",
        )


def _leaves(tree: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            leaves |= _leaves(value, f"{before}{name}.")
        else:
            leaves[f"{before}{name}"] = value
    return leaves


def _apply(base: C, changes: Mapping[str, Any], root: str) -> C:
    try:
        return overlay(base, changes)
    except UsageError as error:
        raise UsageError(error.code, f"{root}: {error.message}") from None


def _data(values: Mapping[str, Any]) -> DataConfig:
    known = {key: value for key, value in values.items() if value is not None}
    if "val_json" in known:
        known.setdefault("val_images", known["train_images"])
    return _apply(DataConfig(train_json=Path(), train_images=Path()), known, "data")
