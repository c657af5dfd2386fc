"""Conversion of an MMDetection configuration to a model and a recipe of relook.

Every value ends in one of three lists: used (carried over, or checked to be relook's fixed value),
in conflict with relook's computation, or without effect. Nothing is dropped silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...config.model import ModelConfig
from ...errors import counted
from ..style import Style
from .account import Account, shown
from .carried_input import carry_classes, carry_input, names_classes
from .carried_model import carry_model
from .carried_training import carry_training
from .unreadable import Unreadable

_SCHEDULE: Final = frozenset(
    [
        "auto_scale_lr",
        "fp16",
        "lr_config",
        "momentum_config",
        "optim_wrapper",
        "optimizer",
        "optimizer_config",
        "param_scheduler",
        "runner",
        "test_cfg",
        "total_epochs",
        "train_cfg",
    ]
)
_DATA: Final = frozenset(
    [
        "data",
        "test_dataloader",
        "test_pipeline",
        "train_dataloader",
        "train_pipeline",
        "val_dataloader",
        "val_pipeline",
    ]
)
_RUNNING: Final = frozenset(
    [
        *_SCHEDULE,
        "auto_resume",
        "checkpoint_config",
        "cudnn_benchmark",
        "custom_hooks",
        "custom_imports",
        "default_hooks",
        "default_scope",
        "device",
        "dist_params",
        "env_cfg",
        "evaluation",
        "find_unused_parameters",
        "gpu_ids",
        "launcher",
        "load_from",
        "log_config",
        "log_level",
        "log_processor",
        "mp_start_method",
        "opencv_num_threads",
        "plugin",
        "plugin_dir",
        "randomness",
        "resume",
        "resume_from",
        "seed",
        "test_evaluator",
        "tta_model",
        "tta_pipeline",
        "val_cfg",
        "val_evaluator",
        "vis_backends",
        "visualizer",
        "work_dir",
        "workflow",
    ]
)
_GROUPS: Final = (
    (_DATA, "reading and augmenting images works differently here"),
    (_RUNNING, "logging, hooks and running are relook's own"),
)
_LONGEST_GROUP = 12  # names listed


@dataclass(frozen=True, slots=True)
class Carried:
    """Result of the conversion of an MMDetection configuration.

    `recipe` holds fields of `training.recipe.Recipe`. A line of `used` or `ignored` starts with
    the dotted path of the value; the first of `ignored` are `conflicts`, where a value differs
    from relook's computation; `differing` are those of them that change predictions
    (`numeric_keys`). `style` is the place of the backbone's strides, if the file has it, `fields`
    are the fields of `config` that the file sets, and `turned` means that its images have blue
    first.
    """

    config: ModelConfig
    classes: tuple[str, ...] | None
    recipe: dict[str, Any] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    style: Style | None = None
    conflicts: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    turned: bool = False
    names_classes: bool = False  # it has names of classes, that may be of no use


def carry_over(values: Mapping[str, Any], base: ModelConfig) -> Carried:
    """`base` with all supported `values` of an MMDetection configuration.

    A value that cannot be used raises no error: it is listed with the reason.
    """
    account = Account(values, base)
    style = carry_model(account)
    order = carry_input(account)
    classes = carry_classes(account)
    carry_training(account)
    if account.has("custom_imports"):
        account.ignore("custom_imports", "code that a file brings along is never run")
    _list_unsettled(account)
    return Carried(
        config=account.config,
        classes=classes,
        recipe=account.recipe,
        used=tuple(account.used),
        ignored=(*(f"in conflict: {c}" for c in account.conflicts), *account.ignored),
        style="caffe" if order.undivided and style is None else style,
        conflicts=tuple(account.conflicts),
        differing=tuple(account.differing),
        fields=frozenset(account.fields),
        turned=order.blue_first,
        names_classes=names_classes(account),
    )


def _list_unsettled(account: Account) -> None:
    """One line for each setting of the model or the schedule, one for each group of others."""
    counts: dict[str, int] = {}
    for path, value in list(account.unsettled()):
        top = path.partition(".")[0]
        if value is None or value in ({}, [], ()):
            continue  # a setting that is off or empty has no effect
        if top == "model" or (top in _SCHEDULE and not path.endswith((".type", ".enable"))):
            account.ignore(path, "relook has no such setting")
        else:
            counts[top] = counts.get(top, 0) + 1
    for names, reason in _GROUPS:
        _list_group(account, {k: n for k, n in counts.items() if k in names}, reason)
    grouped = _DATA | _RUNNING
    ungrouped = {k: n for k, n in counts.items() if k not in grouped}
    _list_group(account, ungrouped, "names that MMDetection reads only where the file uses them")


def _list_group(account: Account, counts: Mapping[str, int], reason: str) -> None:
    if not counts:
        return
    names = sorted(counts)
    suffix = f" and {len(names) - _LONGEST_GROUP} more" if len(names) > _LONGEST_GROUP else ""
    unknown = sum(isinstance(account.get(name), Unreadable) for name in names)
    unread = f"; {unknown} of them could not be read" if unknown else ""
    listed = ", ".join(shown(n).strip("'") for n in names[:_LONGEST_GROUP])
    total = sum(counts.values())
    account.ignored.append(f"{listed}{suffix}: {counted(total, 'value')}; {reason}{unread}")
