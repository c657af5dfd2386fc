"""A model as one file: its weights, and beside them everything that is needed to run it.

The format is safetensors, which cannot carry code. The metadata of the file (`weights.header`)
holds the configuration, the classes and free `extra` values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..config.model import ModelConfig
from ..config.plugins import allowing
from ..data.coco.category import Category
from ..errors import ModelError, first_few
from ..models.build import empty_detector
from ..models.detector import Detector
from ..runtime.files import replacing, unwritable
from ..runtime.memory import release_mapped
from ..structures.object_sizes import ObjectSizes, sizes_of
from ..structures.panoptic import PanopticCategory
from .header import Header, licence_of, metadata_of, parse_header
from .opening import opened

_NAMED = 5  # tensors an error lists before it only counts


class SavedModel(NamedTuple):
    """Content of a model file."""

    detector: Detector  # on the CPU, in evaluation mode
    config: ModelConfig
    classes: tuple[Category, ...]
    extra: dict[str, Any]  # json values; "shown_from" is the score from which to draw
    stuff: tuple[PanopticCategory, ...] = ()  # position = label of a pixel; the next is all things

    @property
    def licence(self) -> str | None:
        """Licence of weights that others trained; None for weights of one's own."""
        return licence_of(self.extra)

    @property
    def sizes(self) -> ObjectSizes | None:
        """Sizes of the objects it was trained on, where the file says them."""
        return sizes_of(self.extra)


def save_model(
    path: Path | str,
    detector: Detector,
    config: ModelConfig,
    classes: Sequence[Category],
    extra: Mapping[str, Any] | None = None,
    *,
    stuff: Sequence[PanopticCategory] = (),
    half: bool = False,
) -> None:
    """Write everything that `load_model` needs into one file, as a whole or not at all.

    With `half` floats are stored in 16 bits, except tensors with values that would overflow;
    loading gives 32 bits again. `extra` is any json value by name. `stuff` names the labels of
    pixels of a panoptic model, but the last, which is every thing.

    Raises:
        RelookError: R02 when the file cannot be written; a file that was there stays whole.
        ModelError: M04 when `classes` or `stuff` are not as many as the model has.
    """
    metadata = metadata_of(Header(config, tuple(classes), dict(extra or {}), tuple(stuff)))
    tensors = {name: _stored(value, half) for name, value in detector.state_dict().items()}
    _write(Path(path), tensors, metadata)


def change_extra(path: Path | str, changes: Mapping[str, Any]) -> None:
    """Give the model file at `path` other `extra` values, by name; what is not named is kept.

    The tensors stay as they are stored, bit for bit. Where `path` is a link, the file that it
    leads to is changed.

    Raises:
        DataError: D01 when there is no such file.
        ModelError: M02 or M03 for a file that `load_model` would not read.
        RelookError: R02 when the file cannot be written; it stays whole.
    """
    path = Path(path).resolve()
    with opened(path) as file:
        metadata = file.metadata() or {}
        extra = parse_header(path, metadata).extra
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    _write(path, tensors, {**metadata, "extra": json.dumps({**extra, **changes})})


def load_model(path: Path | str, *, allow: Iterable[str] = ()) -> SavedModel:
    """The model in a file that `save_model` wrote, on the CPU and in evaluation mode.

    Every tensor of the model must be in the file with its shape, and no other. Nothing in a
    file is run, and a damaged or hostile one is refused before memory is set aside for it. A
    model with parts that are not relook's names them: they are imported from the packages that
    `allow` lists, and from no others.

    Raises:
        DataError: D01 when there is no such file.
        ModelError: M02 for a file that is not a relook model, M03 for one that a newer version
            wrote, M04 when its tensors do not fit its configuration, M08 when it has a part that
            is not allowed or not there.
    """
    path = Path(path)
    with allowing(allow), opened(path) as file:
        header = parse_header(path, file.metadata() or {})
        names = list(file.keys())
        _check_depth(path, header.config, len(names))
        detector = _empty_detector(path, header.config)
        expected = detector.state_dict()
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
        _check_shapes(path, expected, shapes)
        stored = {name: file.get_tensor(name) for name in names}
        _check_kinds(path, expected, stored)
        # Copied, because what is only mapped dies with its file.
        state = {name: _copied(stored[name], expected[name].dtype) for name in names}
    detector.load_state_dict(state, assign=True)
    return SavedModel(detector.eval(), *header)


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with replacing(path) as draft:
        try:
            save_file(tensors, draft, metadata)
        except SafetensorError as error:  # how the writer reports a full disk
            raise unwritable(path, error) from error


def _stored(value: Tensor, half: bool) -> Tensor:
    value = value.detach().cpu()
    if half and value.is_floating_point():
        smaller = value.half()
        if smaller.isfinite().all():
            return smaller.contiguous()
    return value.contiguous()


def _copied(mapped: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy of a tensor of a mapped file, whose pages are let go."""
    copy = mapped.to(dtype, copy=True)
    release_mapped(mapped.data_ptr(), mapped.numel() * mapped.element_size())
    return copy


def _check_depth(path: Path, config: ModelConfig, num_tensors: int) -> None:
    """Refuse a configuration that asks for more modules than the file has tensors.

    Shapes are checked without memory, but every module takes time to make.
    """
    if config.parts.backbone is not None:
        return
    if sum(config.backbone.blocks) * config.pyramid.steps > num_tensors:
        raise ModelError(
            "M04",
            f"{path}: {num_tensors} tensors cannot fill a backbone of "
            f"{sum(config.backbone.blocks)} blocks and {config.pyramid.steps} looks",
        )


def _empty_detector(path: Path, config: ModelConfig) -> Detector:
    """The model on the meta device, where tensors have shapes and types but no memory."""
    try:
        return empty_detector(config)
    except (RuntimeError, OverflowError, ValueError) as error:
        raise ModelError(
            "M02", f"{path}: a model cannot be built from its configuration ({error!s:.200})"
        ) from error


def _check_shapes(
    path: Path, expected: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    missing = [name for name in expected if name not in shapes]
    unknown = [name for name in shapes if name not in expected]
    wrong = [
        f"{name} {shapes[name]} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in shapes and shapes[name] != tuple(tensor.shape)
    ]
    problems = [
        _counted(found, kind)
        for found, kind in ((missing, "missing"), (unknown, "unknown"), (wrong, "of another shape"))
        if found
    ]
    if problems:
        raise ModelError("M04", f"{path}: its tensors do not fit its model: {'; '.join(problems)}")


def _check_kinds(path: Path, expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    wrong = [
        f"{name} ({state[name].dtype})"
        for name, tensor in expected.items()
        if state[name].is_floating_point() != tensor.is_floating_point()
    ]
    if wrong:
        raise ModelError("M04", f"{path}: {_counted(wrong, 'of another type of number')}")


def _counted(names: Sequence[str], kind: str) -> str:
    """``"7 missing (a, b, c, d, e, ...)"``: at most five names, and how many there are."""
    return f"{len(names)} {kind} ({first_few(names, _NAMED)})"
