"""The structure of a model, and the preset that has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..config.cascades import DSCConfig
from ..config.model import ModelConfig
from ..config.presets import PRESETS
from ..structures.rules.norms import NormRule

_KIND_WEIGHT: Final = 10  # a preset of another kind of cascade is farther than any widths
_FREE: Final = frozenset({"num_classes", "semantic.num_classes"})
"""Structural fields in which a file may differ from the preset that the user names."""


def preset_of(config: ModelConfig) -> str | None:
    """The preset with the structure of `config`, classes aside; None when there is none."""
    return next((name for name, p in PRESETS.items() if not differences(config, p.config)), None)


def described(config: ModelConfig) -> str:
    """The preset with the structure of `config`, or else the nearest one and the differences."""
    if (name := preset_of(config)) is not None:
        return name
    lines = {name: differences(config, p.config) for name, p in PRESETS.items()}
    weights = {name: len(d) + _KIND_WEIGHT * _is_other_kind(d) for name, d in lines.items()}
    nearest = min(weights, key=lambda name: weights[name])
    return f"nearest to {nearest}, and not the same: {'; '.join(lines[nearest])}"


def _is_other_kind(lines: list[str]) -> bool:
    return any(
        line.startswith(("cascade.kind", "cascade.stages", "cascade.masks")) for line in lines
    )


def differences(config: ModelConfig, other: ModelConfig) -> list[str]:
    """List the structural fields in which two configurations differ, numbers of classes aside.

    Of cascades of different kinds, only fields that both have are compared.
    """
    fields, other_fields = dict(_structure(config)), dict(_structure(other))
    return [
        f"{name} is {value}, not {other_fields[name]}"
        for name, value in fields.items()
        if name in other_fields and value != other_fields[name] and name not in _FREE
    ]


def _structure(config: ModelConfig) -> Iterator[tuple[str, object]]:
    """The fields that tensors determine, and those in which models with equal tensors differ."""
    backbone, cascade = config.backbone, config.cascade
    for name in ("blocks", "block", "width", "groups", "width_per_group", "weight_standardisation"):
        yield f"backbone.{name}", getattr(backbone, name)
    for name in ("stages", "deformable", "context", "locked", "switch"):
        yield f"backbone.sac.{name}", backbone.sac and getattr(backbone.sac, name)
    yield "backbone.deformable_stages", backbone.deformable_stages
    yield "backbone.norm", "group" if backbone.norm == "group" else "batch"
    yield "pyramid.channels", config.pyramid.channels
    yield "pyramid.norm", _kind(config.pyramid.norm)
    yield "pyramid.steps", config.pyramid.steps
    if config.pyramid.steps > 1:
        for name in ("share_backbone", "connector", "fusion", "feedback_stages"):
            yield f"pyramid.{name}", getattr(config.pyramid, name)
    yield "rpn.convs", config.rpn.convs
    yield "semantic", "present" if config.semantic else "absent"
    yield "stuff", "present" if config.stuff else "absent"
    yield "cascade.kind", cascade.kind
    yield "cascade.stages", len(cascade.stages)
    yield "cascade.masks", cascade.masks
    yield "cascade.box_hidden", cascade.box_hidden
    yield "cascade.mask_channels", cascade.mask_channels if cascade.masks else None
    if isinstance(cascade, DSCConfig):
        for name in ("side", "implicit", "initial", "mask_flow"):
            yield f"cascade.guidance.{name}", getattr(cascade.guidance, name)
        yield "cascade.fuse_kernel", cascade.fuse_kernel
        batch = cascade.fuse_norm in ("batch", "sync_batch")
        yield "cascade.fuse_norm", "batch" if batch else cascade.fuse_norm
    else:
        yield "cascade.hybrid.mask_flow", cascade.hybrid.mask_flow
        for name in ("boxes", "convs", "hidden_layers"):
            yield f"cascade.box.{name}", getattr(cascade.box, name)
        yield "cascade.box.norm", _kind(cascade.box.norm) if cascade.box.convs else None
        yield "cascade.mask_norm", _kind(cascade.mask_norm) if cascade.masks else None


def _kind(norm: NormRule) -> str:
    """Kind of a norm by its tensors, which those of batch norm have in common."""
    return "batch" if norm.kind == "fixed_batch" else norm.kind
