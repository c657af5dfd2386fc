"""Loading and building of models, by a name or a path."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .config.model import ModelConfig
from .config.plugins import allowing
from .config.presets import PRESETS, preset
from .errors import UsageError
from .inference.backend import check_file_on
from .inference.options import shown_score
from .inference.precision import Precision, check_name_on, checked_precision, dtype_on
from .inference.predictor import Predictor
from .model_files import find_model, name_of
from .runtime.edition import check_whole
from .runtime.memory import collection_paused
from .weights.header import SUFFIX

if TYPE_CHECKING:
    import torch

    from .export.writing import Exported
    from .models.detector import Detector
    from .weights.file import SavedModel

_LOG: Final = logging.getLogger("relook")
_ONNX: Final = ".onnx"
_PICKLES = (".pth", ".pt", ".bin", ".pkl", ".pickle", ".ckpt")


def load(
    name_or_path: str | Path,
    *,
    weights: str | None = None,
    device: torch.device | str = "auto",
    fast: bool = True,
    precision: str = "fp32",
    allow: Iterable[str] = (),
    accept_differences: bool = False,
) -> Predictor:
    """The trained model in a file or run folder, or one that comes with relook, ready to predict
    on `device`.

    A run folder gives its best model; a name such as ``"nuclei"`` a model inside the package,
    unless there is a file or run folder of that name here. A checkpoint of another library
    (``.pth``) is imported: every tensor is accounted for, no code of it is run. An ONNX file that
    `relook export` wrote runs on onnxruntime, on the CPU. With `weights` the model is a preset's
    name, and ``"coco"`` its published checkpoint, ``"torchvision"`` that of torchvision, or one
    that `relook weights list` names; it is downloaded if it is not in the cache. Nothing is ever
    downloaded for a path. The licence of weights that others trained is logged. ``device="auto"``
    is a GPU if there is a usable one. Without `fast`, predictions use the plain operations.
    `precision`, of features and hidden layers, is ``"fp32"``, ``"bf16"``, or on a GPU ``"fp16"``.
    `allow` lists packages from which a file may name parts of its model (`relook.Part`).
    `accept_differences` imports a checkpoint whose configuration has settings that relook computes
    otherwise, which is refused without.

    Raises:
        ModelError: M01 for a preset's name alone, which has no weights by itself, and for a run
            without a model yet; M02 for a file that is neither a relook model nor one that can be
            imported; M03, M04 and M08 as `load_model` does; M06 when a download fails.
        UsageError: U01 for a name that is no model, U03 for an unknown precision, U04 for one that
            the device does not have, for a file and `weights` together, for an ONNX file without
            ``relook[onnx]`` or on another device, for others with relook-onnx.
        DataError: D01 for a path that does not exist.
    """
    wanted = checked_precision(precision)
    with allowing(allow):
        if weights is not None:
            check_whole(f"weights={weights!r}")
            _check_machine(device, wanted)
            path, predictor = _published(str(name_or_path), weights)
        else:
            path = find_model(name_or_path)
            if path.suffix.lower() == _ONNX:
                check_file_on(path.name, device, wanted)
            else:
                check_whole(str(path))
                _check_machine(device, wanted)
            predictor = _of_file(path, accept_differences=accept_differences)
    predictor.fast = fast
    predictor.to(device)
    predictor.precision = precision
    if predictor.licence:  # a warning, which Python shows by default
        _LOG.warning(
            "%s: weights that others trained; their licence: %s", path.name, predictor.licence
        )
    return predictor


def _check_machine(device: torch.device | str, precision: Precision) -> None:
    """Raise what is wrong with a device and a precision, before the weights are read for them."""
    if str(device) == "auto" and precision == "fp32":
        return  # every machine has them: PyTorch is not imported for this
    check_name_on(precision, str(device))
    from .runtime.devices import choose_device

    dtype_on(precision, choose_device(device))


def _of_file(path: Path, *, accept_differences: bool) -> Predictor:
    """The predictor of a file of any kind, on the CPU."""
    if path.suffix.lower() == _ONNX:
        return _of_onnx(path)
    if path.suffix.lower() in _PICKLES:
        return _imported(path, accept_differences=accept_differences)
    with collection_paused():
        from .weights.file import load_model
        from .weights.stored_detector import stored_model

    again = stored_model(path)
    return Predictor.of(load_model(path), device="cpu", again=again)


def export_onnx(
    name_or_path: str | Path,
    path: str | Path | None = None,
    *,
    canvas: tuple[int, int] | None = None,
    half: bool = False,
    max_dets: int | None = None,
    images: Iterable[str | Path] = (),
) -> Exported:
    """Write a model that `load` takes as one ONNX file, by default NAME.onnx in this folder.

    The file has the whole detector, in standard operators of opset 20, and takes images of any
    size, or padded to one `canvas` (height, width). `half` stores weights in 16 bits. `max_dets`
    is the most objects in an image, by default the model's own cap. Model and file are compared on
    `images`, or on two that are drawn; `Exported` says how far they are apart.

    Raises:
        ModelError: M09 for a model that cannot be said in ONNX, with the name of the part that
            cannot, and when the file's objects differ from the model's. It is not written then.
        UsageError: U03 for a canvas that makes no sense, U04 for a model that is ONNX already, and
            without the extra ``relook[onnx]``.
        DataError: D01 or D02 for one of `images`.
        RelookError: R02 when the file cannot be written.
    """
    check_whole("export_onnx")
    source = find_model(name_or_path)
    from .data.images.opening import read_image
    from .export.writing import write_onnx

    saved = _saved(source)
    reading = saved.config.input.reading
    return write_onnx(
        saved,
        Path(f"{name_of(source)}.onnx") if path is None else path,
        canvas=canvas,
        half=half,
        max_detections=max_dets,
        images=[read_image(image, reading=reading) for image in images],
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
    )


def _saved(path: Path) -> SavedModel:
    """The content of the model file at `path`, whoever wrote it."""
    from .weights.file import SavedModel, load_model

    if path.suffix.lower() == SUFFIX:
        return load_model(path)
    predictor = load(path, device="cpu", fast=False)
    extra = {"licence": predictor.licence, "shown_from": predictor.shown_from}
    return SavedModel(
        predictor.detector, predictor.config, predictor.classes, extra, predictor.stuff
    )


def build(name: str | ModelConfig, num_classes: int | None = None, **changes: Any) -> Detector:
    """A detector with random weights, as a module: a preset with some fields changed.

    Nested fields have two underscores: ``backbone__norm="group"``. A semantic branch over objects
    and background (K + 1 classes) follows `num_classes`.

    Raises:
        UsageError: U01 for an unknown name, U02 for an unknown field, U03 for a bad value.
    """
    check_whole("build")
    from .models.build import build_detector

    config = name if isinstance(name, ModelConfig) else preset(name)
    if num_classes is not None:
        config = _with_classes(config, num_classes)
    return build_detector(config.with_(**changes))


def _with_classes(config: ModelConfig, num_classes: int) -> ModelConfig:
    semantic, changed = config.semantic, config.with_(num_classes=num_classes)
    if semantic is not None and semantic.num_classes == config.num_classes + 1:
        changed = changed.with_(semantic__num_classes=num_classes + 1)
    return changed


def _published(name: str, weights: str) -> tuple[Path, Predictor]:
    """A published checkpoint and its predictor; refused where `name` is a file or folder."""
    from .interop.zoo.downloading import progress_lines
    from .interop.zoo.zoo import fetch, find

    path = Path(name).expanduser()
    if name not in PRESETS and path.exists():
        raise UsageError(
            "U04",
            f"{path} is a file or folder, and weights={weights!r} asks for published ones. Leave "
            "weights out to load it.",
        )
    file = find(name, weights)
    path = fetch(file, progress=progress_lines(file.file_name, sys.stderr)).path
    return path, _imported(path, preset=file.preset, licence=file.licence)


def _imported(
    path: Path,
    *,
    preset: str | None = None,
    licence: str | None = None,
    accept_differences: bool = False,
) -> Predictor:
    """The predictor of a checkpoint of another library; `licence` replaces that of the file."""
    from .interop.importing import import_checkpoint
    from .weights.stored_detector import StoredDetector

    read = partial(
        import_checkpoint,
        path.absolute(),
        preset=preset,
        accept_differences=accept_differences,
        with_digest=False,
    )
    again = StoredDetector.of(path, lambda: read().detector)
    imported = read()
    return Predictor(
        imported.detector,
        imported.config,
        imported.classes,
        device="cpu",
        licence=licence or imported.report.licence,
        again=again,
    )


def _of_onnx(path: Path) -> Predictor:
    from .export.reading import read_onnx
    from .export.session import OnnxNetwork

    file = read_onnx(path)
    network, header = OnnxNetwork(file, path), file.header
    return Predictor(
        network,
        header.config,
        header.classes,
        device="cpu",
        shown_from=shown_score(header.extra),
        licence=header.licence,
        sizes=header.sizes,
    )
