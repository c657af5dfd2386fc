"""Start of a training: the weights that are named, or those that suit the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ..config.model import ModelConfig
    from ..structures.rules.reading import Reading
    from ..training.annotations import Annotations
    from ..training.from_data.preparing import DataRequest, PreparedRun
    from ..training.settings import Overlay, Settings
    from ..training.start.choosing import ChosenStart
    from ..training.start.source import Start
    from ..weights.header import Header


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """Choices of the model, the weights and the classes of a training."""

    model: str | None = None
    weights: Path | None = None
    from_scratch: bool = False
    fine_tune: bool = True
    names: Mapping[str, str]  # class of the data -> class of the weights
    one_class: bool = False
    class_name: str | None = None  # of data in a format that names no classes


def run_training(
    request: TrainingRequest,
    changes: Sequence[Overlay],
    console: Console,
    out: Path | None,
    *,
    go_on: bool = False,
) -> None:
    """Train on the data that `changes` name; with `go_on`, go on with the run in `out`, if any.

    Raises:
        UsageError: U04 for the class of data to be converted, and none is.
    """
    if request.class_name is not None:
        raise UsageError(
            "U04",
            f"--class {request.class_name} names the class of data that is converted. Give the "
            "data as `relook train DATA`.",
        )
    start, settings, annotations = _decided(request, changes)
    _check_used(settings)
    train = _loop()  # Lightning is imported when the input is known to be usable
    train(settings, console, out=out, start=start, annotations=annotations, go_on=go_on)


def run_training_on(
    source: Path,
    request: TrainingRequest,
    changes: Sequence[Overlay],
    reading: Reading,
    console: Console,
    out: Path | None,
    *,
    go_on: bool = False,
) -> None:
    """Train on what is found at `source`, from the start that suits it.

    Raises:
        UsageError: U04 for a training file beside `source`.
    """
    from ..runtime.cluster import find_place, join_others
    from ..runtime.distributed import from_first
    from ..training.from_data.preparing import discarded_on_failure, prepare_run
    from ..training.settings import Overlay

    join_others(find_place(os.environ))
    data_request = _data_request(source, request.class_name, changes, reading)
    prepared: PreparedRun = from_first(
        lambda: prepare_run(
            data_request,
            lambda classes, has_masks: _chosen(request, changes, classes, has_masks),
            out=out,
            go_on=go_on,
        )
    )
    chosen = prepared.start
    weights = Path(chosen.weights) if chosen.weights else None
    request = replace(request, model=chosen.model, weights=weights)
    with discarded_on_failure(prepared.run):
        found = [*changes, Overlay(data=prepared.data)]
        start, settings, annotations = _decided(request, found)
        _check_used(settings)
        train = _loop()
        train(
            settings,
            console,
            start=start,
            annotations=annotations,
            run=prepared.run,
            chosen=prepared.lines,
            go_on=go_on,
        )


def _check_used(settings: Settings) -> None:
    """Refuse settings that would change nothing.

    Raises:
        UsageError: U04.
    """
    recipe = settings.train
    if recipe.patience is not None and settings.data.val_json is None:
        raise UsageError(
            "U04",
            f"--patience {recipe.patience} counts validations, and there are no images to validate "
            "on. Add --val-json, or leave --patience out.",
        )
    if recipe.semantic_maps is not None and recipe.semantics in ("none", "instances"):
        raise UsageError(
            "U04",
            f"--semantic-maps {recipe.semantic_maps} with --semantics {recipe.semantics}: no map "
            "would be read. Leave one of the two out.",
        )


def _loop() -> Callable[..., object]:
    """`training.loop.train`, imported without runs of the garbage collector."""
    from ..runtime.memory import collection_paused

    with collection_paused():
        from ..training.loop import train
    return train


def _data_request(
    source: Path, class_name: str | None, changes: Sequence[Overlay], reading: Reading
) -> DataRequest:
    from ..data.coco.leniency import Leniency
    from ..structures.rules.reading import DEFAULT_READING
    from ..training.from_data.preparing import DataRequest

    said: dict[str, Any] = {}
    lenient: dict[str, Any] = {}
    seed = 0
    for change in changes:
        said |= {key: value for key, value in change.data.items() if value is not None}
        lenient |= change.data.get("leniency") or {}
        seed = change.train.get("seed", seed)
    if "train_json" in said:
        raise UsageError(
            "U04", f"{source} and --train-json {said['train_json']} both name the data. Give one."
        )
    paths = {
        name: Path(said[field])
        for name, field in (
            ("images", "train_images"),
            ("val_json", "val_json"),
            ("val_images", "val_images"),
        )
        if field in said
    }
    read = {
        "frame": said.get("frame"),
        "reading": reading.over(DEFAULT_READING),
        "leniency": Leniency(**lenient),
    }
    return DataRequest(source=source, seed=seed, class_name=class_name, read=read, **paths)


def _chosen(
    request: TrainingRequest, changes: Sequence[Overlay], classes: Sequence[str], has_masks: bool
) -> ChosenStart:
    """The start for the classes of the data: what was said, or else what the rule chooses."""
    from ..runtime.devices import choose_device
    from ..training.start.choosing import (
        ChosenStart,
        choose_model,
        choose_start,
        shipped_models,
    )

    model = _named(request, changes)
    if request.weights is not None:
        line = f"Start: {request.weights}, as you say."
        return ChosenStart(model, str(request.weights), line)
    if request.from_scratch or any(o.train.get("backbone_from") for o in changes):
        name = model or choose_model(has_masks=has_masks)
        return ChosenStart(name, None, f"Start: {name} without trained heads, as you say.")
    return choose_start(
        [request.names.get(name, name) for name in classes],
        has_masks=has_masks,
        shipped=shipped_models(),
        model=model,
        config=None if model is None else _config_of(model, changes),
        has_gpu=choose_device("auto").type == "cuda",
    )


def _config_of(model: str, changes: Sequence[Overlay]) -> ModelConfig:
    from ..config.base import overlay
    from ..config.presets import preset

    config = preset(model)
    for change in changes:
        config = overlay(config, change.model)
    return config


def _named(request: TrainingRequest, changes: Sequence[Overlay]) -> str | None:
    """The preset that was named, by an option or in a file."""
    return request.model or next((o.preset for o in reversed(changes) if o.preset), None)


def _decided(
    request: TrainingRequest, changes: Sequence[Overlay]
) -> tuple[Start | None, Settings, Annotations]:
    """The start, the settings and the annotations, which are read before any weights."""
    from ..model_files import find_model
    from ..training.annotations import read_annotations
    from ..training.settings import Overlay, resolve
    from ..weights.opening import read_header

    path = None if request.weights is None else find_model(request.weights)
    header = None if path is None else read_header(path)
    if request.one_class:
        names = () if header is None else [c.name for c in header.classes]
        name = names[0] if len(names) == 1 else "object"
        changes = [*changes, Overlay(data={"one_class": name})]
    if path is None or header is None:
        if request.names:
            raise UsageError(
                "U04", "--map names classes of trained weights, and there are none: add --weights."
            )
        settings = resolve(changes, preset_name=request.model)
        return None, settings, read_annotations(settings)
    settings, annotations, reasons = _continued(header, request, changes)
    return _start(path, reasons, request.names), settings, annotations


def _start(path: Path, reasons: tuple[str, ...], names: Mapping[str, str]) -> Start:
    from ..training.start.source import Start
    from ..weights.file import load_model

    return Start(load_model(path), path, reasons, names)


def _continued(
    header: Header, request: TrainingRequest, changes: Sequence[Overlay]
) -> tuple[Settings, Annotations, tuple[str, ...]]:
    """Choose how to go on from the model with this `header`, as suits the data, or else by the
    recipe of the preset: settings, annotations, and the reasons."""
    from ..training.annotations import read_annotations
    from ..training.fine_tuning import fine_tuning
    from ..training.settings import resolve
    from ..training.start.recipe_name import recipe_name

    named = _named(request, changes)
    name = named or recipe_name(header)
    if request.fine_tune:
        tuned = fine_tuning(header, changes, name=name, model_named=named is not None)
        return tuned.settings, tuned.annotations, tuned.lines
    base = header.config if named is None else None
    settings = resolve(changes, preset_name=name, base=base)
    return settings, read_annotations(settings), ()
