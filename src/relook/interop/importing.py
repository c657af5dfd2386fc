"""Import of a checkpoint of another library as a detector."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..config.base import overlay
from ..config.cascades import DSCConfig, HTCConfig
from ..config.model import ModelConfig
from ..config.presets import preset as named_preset
from ..data.coco.records import Category
from ..errors import ModelError, UsageError, counted, first_few
from ..models.build import build_detector
from ..models.detector import Detector
from ..weights.file import load_model
from ..weights.header import FORMAT, SUFFIX
from . import torchvision_models
from .checkpoint.reading import Checkpoint, read_checkpoint
from .classes import name_classes
from .evidence import ImportPlan, plan_import
from .families import Source, identify
from .legacy import convert_v1
from .mmdet import names_of
from .recognition import todays_name
from .report import DSC_LICENCE, LICENCES, Report, forward_values
from .start_weights import start_from, torchvision_refusal
from .structure import described
from .style import Style
from .tensor_table import Row, check_strict, fill, match_tensors
from .torchvision_models import is_detector
from .torchvision_plan import plan_torchvision
from .zoo.downloading import sha256_of

_NAMED = 5  # tensors that an error lists
_STEM = re.compile(r"features\.(backbone|backbones\.\d+)\.conv1\.weight")


@dataclass(frozen=True)
class Imported:
    """A detector from a foreign checkpoint, and the report on its tensors."""

    detector: Detector  # on the CPU, in evaluation mode, independent of the file
    config: ModelConfig
    classes: tuple[Category, ...]  # position = label
    report: Report
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the training's recipe that the configuration file sets."""


def import_checkpoint(
    path: Path | str,
    *,
    config: Path | str | None = None,
    preset: str | None = None,
    classes: Path | Sequence[str] | None = None,
    legacy: bool = False,
    style: Style | None = None,
    ema: bool | None = None,
    changes: Mapping[str, Any] | None = None,
    accept_differences: bool = False,
    accept_broken: bool = False,
    with_digest: bool = True,
) -> Imported:
    """The model in a checkpoint of MMDetection, of the DetectoRS authors, or of relook itself.

    The architecture is read from the tensors. Every tensor of the file must have a place in the
    model, and every one of the model must come from the file, or be computable from it.

    Args:
        path: A `.pth` file, or safetensors.
        config: The MMDetection configuration file of its training, read but never run; by default
            the text in the checkpoint, if it has one.
        preset: The relook model it is; fields that shapes do not determine are taken from there.
            torchvision's classifiers need it: they are only the start of a training of that model.
            Its Faster and Mask R-CNN are models by themselves, and a start of any other.
        classes: Names in the order of the labels, or a text file with one a line.
        legacy: Accept files of MMDetection 1.x, whose names and order of classes are converted
            and whose numerics are then used. Experimental.
        style: Style of its ResNet, where the file does not give it or is wrong.
        ema: Take the moving averages of the weights, if the file has them beside the others;
            False takes the others. None takes what MMDetection itself would load.
        changes: Nested fields of the model's configuration, in place of what the file has.
        accept_differences: Import a model although its configuration has settings that relook
            computes otherwise.
        accept_broken: Import tensors with numbers that are not finite.
        with_digest: Add a checksum of the model's output to the report; takes the time of one
            small image.

    Raises:
        DataError: D01 when a file is missing, D14 for a configuration that cannot be read.
        ModelError: M02 or M07 for a file that cannot or must not be read; M04 for a model that
            relook does not have, that was not converted, that does not fit in every tensor,
            whose settings relook computes otherwise, or that holds numbers that are not finite.
        UsageError: U01 for an unknown preset, U03 for a value that cannot be used, U04 for
            options that do not apply to the file.
    """
    path = Path(path)
    if style is not None and style not in get_args(Style):
        raise UsageError("U03", f"style {style!r}: expected pytorch or caffe")
    if _is_relook_file(path):
        options = {"config": config, "preset": preset, "classes": classes, "style": style}
        option_names = [name for name, value in options.items() if value is not None]
        flags = {"legacy": legacy, "ema": ema is not None, "changes": changes}
        option_names += [name for name, on in flags.items() if on]
        return _import_relook(path, option_names, with_digest)
    checkpoint = read_checkpoint(path, ema=ema)
    try:
        source = identify(_shapes(checkpoint.state))
        if source == "relook":
            raise ModelError(
                "M04",
                "these are weights of relook without a configuration, such as the state of a "
                f"training. Load the run folder, or the {SUFFIX} file in it",
            )
        model: ImportPlan
        if source == "torchvision":
            if not is_detector(checkpoint.state) or not _has_one_head(preset):
                return _import_start(checkpoint, preset, classes, with_digest)
            model = plan_torchvision(checkpoint, preset=preset, classes=classes)
        else:
            model = plan_import(
                checkpoint,
                config=config,
                preset=preset,
                classes=classes,
                legacy=legacy,
                style=style,
                accept_differences=accept_differences,
            )
        model = replace(model, config=overlay(model.config, changes or {}))
        detector, rows, notes = _load(checkpoint, source, model, accept_broken)
    except ModelError as error:
        raise ModelError(error.code, f"{path}: {error.message}") from error
    report = _report(
        checkpoint,
        source,
        described(model.config),
        rows,
        detector if with_digest else None,
        reasons=(*model.recognised.reasons, *model.reasons),
        unknown=(*model.recognised.unknown, *model.assumed),
        notes=(*model.notes, *notes),
        settings=model.settings,
        licence=DSC_LICENCE if isinstance(model.config.cascade, DSCConfig) else None,
    )
    return Imported(detector, model.config, model.classes, report, model.recipe)


def _load(
    checkpoint: Checkpoint, source: Source, model: ImportPlan, accept_broken: bool
) -> tuple[Detector, list[Row], list[str]]:
    """A detector with the tensors of the file, and a row for each of them."""
    originals = checkpoint.state
    original_names = {todays_name(name): name for name in originals}
    state: Mapping[str, Tensor] = originals
    if source == "mmdet-v1":
        state = convert_v1(originals)
    of_torchvision = source == "torchvision"
    names = torchvision_models.names_of(state) if of_torchvision else names_of(state)
    if len(set(names.values())) != len(names):
        raise ModelError("M04", "two tensors of this checkpoint have the same meaning")
    tensors = {names[key]: value for key, value in state.items()}
    if of_torchvision:
        turned = torchvision_models.with_background_last
        tensors = {name: turned(name, value) for name, value in tensors.items()}
    labels = {names[key]: original_names.get(key, key) for key in state}
    changed = {
        name: "classes in today's order"
        for name, value in tensors.items()
        if value is not originals.get(labels[name])
    }
    if model.blue_first:
        for name in [name for name in tensors if _STEM.fullmatch(name) and tensors[name].ndim == 4]:
            tensors[name] = tensors[name].flip(1)
            changed[name] = "turned to take red, green, blue"
    with torch.device("meta"):
        detector = build_detector(model.config)
    expected = dict(detector.state_dict())
    rows = match_tensors(expected, tensors, labels, changed)
    check_strict(rows)
    # The tensors of the file are released one by one, so that there is never a third copy.
    del state
    originals.clear()
    filled = fill(rows, expected, tensors.pop, tensors.pop)
    broken = [name for name, value in filled.items() if not value.isfinite().all()]
    if broken and not accept_broken:
        raise ModelError(
            "M04",
            f"there are numbers that are not finite in {counted(len(broken), 'tensor')} of it "
            f"({first_few(broken, _NAMED)}), as after a training that diverged: the model would "
            "find nothing, or nonsense. --accept-broken (accept_broken=True) imports it anyway.",
        )
    notes = [f"{name} holds numbers that are not finite" for name in broken]
    detector.load_state_dict(filled, assign=True)
    return detector.eval(), rows, notes


def _has_one_head(preset: str | None) -> bool:
    """Return whether a preset has one box head, so that torchvision's detectors may fit it."""
    if preset is None:
        return True
    cascade = named_preset(preset).cascade
    return isinstance(cascade, HTCConfig) and cascade.box.boxes == "each_class"


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


def _import_start(
    checkpoint: Checkpoint,
    preset: str | None,
    classes: Path | Sequence[str] | None,
    with_digest: bool,
) -> Imported:
    if preset is None:
        raise torchvision_refusal(checkpoint.state)
    config = named_preset(preset)
    named = name_classes(config.num_classes, {}, classes)
    detector, rows = start_from(checkpoint.state, config)
    report = _report(
        checkpoint,
        "torchvision",
        f"{preset}, backbone and pyramid only",
        rows,
        detector if with_digest else None,
        unknown=("everything behind the pyramid starts from random numbers: train before use",),
    )
    return Imported(detector, config, named.classes, report)


def _is_relook_file(path: Path) -> bool:
    """Return whether relook wrote the file; a missing file is reported by the reader."""
    if path.suffix != SUFFIX or not path.is_file():
        return False
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError):
        return False


def _import_relook(path: Path, option_names: Sequence[str], with_digest: bool) -> Imported:
    if option_names:
        raise UsageError(
            "U04",
            f"{path} is a relook model, whose file has its configuration; "
            f"{', '.join(option_names)} cannot be given with it",
        )
    saved = load_model(path)
    sha256 = sha256_of(path)
    rows = [
        Row(name, name, tuple(value.shape), "used")
        for name, value in saved.detector.state_dict().items()
    ]
    checkpoint = Checkpoint(path, {}, {}, sha256, path.stat().st_size, [])
    report = _report(
        checkpoint,
        "relook",
        described(saved.config),
        rows,
        saved.detector if with_digest else None,
        reasons=("everything <- the metadata of the file",),
    )
    return Imported(saved.detector, saved.config, saved.classes, report)


def _report(
    checkpoint: Checkpoint,
    source: Source,
    architecture: str,
    rows: Sequence[Row],
    detector: Detector | None,
    *,
    reasons: Sequence[str] = (),
    unknown: Sequence[str] = (),
    notes: Sequence[str] = (),
    settings: Sequence[str] = (),
    licence: str | None = None,
) -> Report:
    return Report(
        file=checkpoint.path.name,
        source=source,
        sha256=checkpoint.sha256,
        size=checkpoint.size,
        architecture=architecture,
        reasons=tuple(reasons),
        unknown=tuple(unknown),
        notes=(*checkpoint.notes, *notes),
        settings=tuple(settings),
        rows=tuple(rows),
        licence=licence or LICENCES[source],
        values={} if detector is None else forward_values(detector),
    )
