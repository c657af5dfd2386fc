"""Differences between configurations, and the preset that is nearest to one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...config.base import Config, fields_of, is_part
from ...config.model import ModelConfig
from ...config.presets import PRESETS

Changes = dict[str, Any]
"""Fields by name: values, configurations or rules that are wholly new, or `Changes` of a part."""


def changes(base: Any, config: Any) -> Changes:
    """The fields of a configuration or rule that are not as in `base`, which is of its class.

    A part that `base` has not, or has of another ``kind``, is a whole configuration.
    """
    changed: Changes = {}
    for name in fields_of(type(config)):
        old, new = getattr(base, name), getattr(config, name)
        if new != old:
            nested = is_part(new) and type(new) is type(old)
            changed[name] = changes(old, new) if nested else new
    return changed


def leaves(changed: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every changed value with its path, in the order of the fields."""
    for name, value in changed.items():
        if isinstance(value, dict) and name != "args":
            yield from (((name, *path), leaf) for path, leaf in leaves(value))
        else:
            yield (name,), value


def plain(value: Any) -> Any:
    """`value` for `overlay` and YAML: of a configuration, the fields that are not its default."""
    if isinstance(value, Config):
        named_kind = {} if (kind := getattr(value, "kind", None)) is None else {"kind": kind}
        return named_kind | value.model_dump(mode="json", exclude_defaults=True)
    if is_part(value):
        return {name: plain(item) for name, item in not_default(value).items()}
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def not_default(value: Any) -> dict[str, Any]:
    """The fields of a configuration or rule that are required, or differ from their default."""
    missing = dataclasses.MISSING
    if isinstance(value, Config):
        fields = type(value).model_fields.items()
        defaults = {
            name: missing if field.is_required() else field.default for name, field in fields
        }
    else:
        defaults = {field.name: field.default for field in dataclasses.fields(value)}
    return {n: getattr(value, n) for n, old in defaults.items() if getattr(value, n) != old}


def nearest(config: ModelConfig, names: Iterable[str] | None = None) -> str:
    """Of the presets called `names`, or of all, the one with the fewest fields to change.

    A part that is wholly new counts as all of its fields.

    Raises:
        ValueError: `names` is empty.
    """

    def distance(name: str) -> int:
        changed = changes(PRESETS[name].config, config)
        return sum(
            len(fields_of(type(value))) if is_part(value) else 1 for _, value in leaves(changed)
        )

    return min(PRESETS if names is None else names, key=distance)


def relative(name: str) -> str | None:
    """The preset that the preset called `name` is compared with; None for the first of all.

    It stands before `name` in the list. If `name` has SAC, RFP or a panoptic head, it has none.
    """
    names = list(PRESETS)
    before = names[: names.index(name)]
    config = PRESETS[name].config
    if additions(ModelConfig(), config):
        before = [
            earlier for earlier in before if not additions(ModelConfig(), PRESETS[earlier].config)
        ]
    return nearest(config, before) if before else None


def additions(base: ModelConfig, config: ModelConfig) -> list[str]:
    """Names in the papers of the additions that `config` has and `base` has not."""
    have = {
        "SAC": (base.backbone.sac is not None, config.backbone.sac is not None),
        "RFP": (base.pyramid.steps > 1, config.pyramid.steps > 1),
        "a panoptic head": (base.stuff is not None, config.stuff is not None),
    }
    return [name for name, (old, new) in have.items() if new and not old]
