"""Parts of a model that are not relook's, by their import names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import Field

from ..structures.rules.wording import stages_of
from .base import Config
from .plugins import hand_over


class Part(Config):
    """Factory of a part: a class or a function.

    It is called with the arguments of its place in `PartsConfig`, and with `args` by name.
    """

    target: Annotated[str, Field(pattern=r"^[^\W\d]\w*(\.\w+)*:[^:]+$", max_length=300)]
    """``package.module:Name``. Its package is imported only where the caller allows it."""
    args: dict[str, Any] = {}  # plain values, as json has them

    @classmethod
    def of(cls, factory: Callable[..., Any], **args: Any) -> Self:
        """The part that `factory` makes with `args`.

        It needs no permission in this process, and may be defined in a notebook. A model file
        records its name: where that file is loaded, it must be importable and allowed.
        """
        return cls(target=hand_over(factory), args=args)

    def call(self) -> str:
        """The part as a call by its full name: ``my_package.parts:Name(ratio=8)``."""
        return f"{self.target}({self._arguments()})"

    def short(self) -> str:
        """The part as a call by its name alone: ``Name(ratio=8)``; no parentheses without args."""
        name = self.target.partition(":")[2]
        return f"{name}({self._arguments()})" if self.args else name

    def _arguments(self) -> str:
        return ", ".join(f"{key}={value!r}" for key, value in self.args.items())


class PartsConfig(Config):
    """Users' parts in place of relook's own; None keeps relook's.

    Shapes are those of `relook.structures.detection`. Each field gives the arguments of the
    factory and its result; ``docs/parts.md`` has an example of each.
    """

    conv3x3: Part | None = None
    """``(channels, stride, groups)`` to a module, (B, C, H, W) to (B, C, H / stride, W / stride):
    the middle convolution of the bottlenecks, without its norm."""
    conv3x3_stages: tuple[bool, bool, bool, bool] = (False, True, True, True)
    backbone: Part | None = None
    """``(feedback_channels or None, feedback_stages)`` to a module with the ``out_channels`` of its
    four maps of strides 4 to 32, with ``takes_feedback()``, four flags, and called with pixels, and
    for later looks with pixels and four feedback maps or None."""
    neck: Part | None = None
    """``(in_channels, channels)`` to a module, four maps to P2..P6 of `channels`."""
    connector: Part | None = None
    """``(channels)`` to the module between a level and the backbone, (B, C, H, W) to the same."""
    fusion: Part | None = None
    """``(channels)`` to a module with ``blend(new, old)``, of two maps of a level."""
    roi_extractor: Part | None = None
    """``()`` to ``(pyramid, context or None, rois, side)`` -> features (R, C, side, side)."""
    box_head: Part | None = None
    """``(channels, num_classes, hidden)`` to a module, features (R, C, 7, 7) to class logits
    (R, K + 1) and deltas (R, 4)."""
    mask_head: Part | None = None
    """``(channels, hidden, num_classes, carry or None)`` to a module with ``features(pooled,
    carried)`` and ``predict(features)``, as `models.heads.mask.MaskHead`."""
    cascade: Part | None = None
    """``(channels, num_classes)`` to a module as `models.cascades.protocol.Cascade`."""
    stage_rules: Part | None = None
    """``(rules)`` of the configuration to as many rules with ``iou``, ``std`` and
    ``loss_weight``."""
    assigner: Part | None = None
    """``()`` to a function like `ops.matching.assign`, for the RoIs of the cascade."""
    rpn_assigner: Part | None = None
    """The same for the anchors of the RPN."""
    sampler: Part | None = None
    """``()`` to a function like `ops.matching.draw`, for the RoIs of the cascade."""
    box_loss: Part | None = None
    """``()`` to a function like `models.heads.box.box_loss`."""
    mask_loss: Part | None = None
    """``()`` to a function like `models.heads.mask.mask_loss`."""

    @property
    def by_place(self) -> dict[str, Part]:
        """The parts that are not None, by the name of their place."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if isinstance(value, Part)}

    def words(self) -> list[str]:
        """Each part that is not None as ``place: package.module:Name(ratio=8)``, for pages."""
        return [
            f"{place}: {part.call()}{self._where(place)}" for place, part in self.by_place.items()
        ]

    def beside(self, name: str) -> str:
        """`name` of a model with these parts, for titles and columns: ``htc-tiny with connector
        Name(ratio=8), fusion Other``; `name` alone without parts."""
        parts = [f"{place} {part.short()}" for place, part in self.by_place.items()]
        return f"{name} with {', '.join(parts)}" if parts else name

    def _where(self, place: str) -> str:
        return f" in {stages_of(self.conv3x3_stages)}" if place == "conv3x3" else ""


NO_PARTS = PartsConfig()
