"""Report of an import, for people and for programs, and a checksum of the model's output."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor

from .._version import __version__
from ..models.cascades.protocol import Cascade
from ..models.detector import Detector
from ..structures.detection import Detections, ImageBatch
from .tensor_table import Row, Status, count_statuses

FORMAT_VERSION: Final = 1

LICENCES: Final[dict[str, str]] = {
    "mmdet": "MMDetection and the weights of its zoo are Apache-2.0; weights that others trained "
    "have the terms of their publisher",
    "mmdet-v1": "MMDetection is Apache-2.0; weights that others trained, the DetectoRS authors "
    "among them, have the terms of their publisher",
    "torchvision": "torchvision is BSD-3-Clause; its weights were trained on ImageNet and COCO, "
    "whose terms for images may apply",
    "relook": "the terms of its publisher",
}
"""Terms of foreign weights, as far as they are known, by source."""

DSC_LICENCE: Final = (
    "the DSC authors' code is for non-commercial purposes, and so are the weights they published; "
    "weights that others trained have the terms of their publisher"
)

_SIZE = (128, 160)  # of the fixed image
_BEST = 10  # detections in the checksum
_LISTED = 20  # rows of a kind that `lines` shows


@dataclass(frozen=True, slots=True)
class Report:
    """Report of an import: the source, the evidence for the model, and every tensor."""

    file: str
    source: str
    sha256: str
    size: int  # bytes
    architecture: str
    reasons: tuple[str, ...]  # facts about the model, each with its evidence
    unknown: tuple[str, ...]  # settings that are not in the file, and their defaults
    notes: tuple[str, ...]  # other parts that were left out or changed
    rows: tuple[Row, ...]
    licence: str
    settings: tuple[str, ...] = ()  # of a configuration: lines on values carried over, or not
    values: Mapping[str, str] = field(default_factory=dict)  # values of the digest

    @property
    def digest(self) -> str | None:
        """Checksum of the model's output on a fixed image; None without one."""
        return checksum(self.values) if self.values else None

    @property
    def counts(self) -> dict[Status, int]:
        """Number of tensors of each status."""
        return count_statuses(self.rows)

    def lines(self) -> list[str]:
        """Lines for people; of the table only the rows to check, `table` has all."""
        lines = [
            f"source: {self.file} ({self.source}, {self.size / 1e6:.1f} MB)",
            f"sha256: {self.sha256}",
            f"architecture: {self.architecture}",
            *(f"  {reason}" for reason in self.reasons),
        ]
        if self.unknown:
            lines += ["not in the file, and assumed:", *(f"  {line}" for line in self.unknown)]
        lines += [f"note: {note}" for note in self.notes]
        lines += _shortened("configuration, ", self.settings)
        counted = ", ".join(f"{n} {status}" for status, n in self.counts.items())
        lines.append(f"tensors: {counted}")
        lines += self._rows_to_check()
        lines.append(f"licence: {self.licence}")
        if self.digest is not None:
            lines.append(f"digest: {self.digest} (features and detections on a fixed image)")
        return lines

    def table(self) -> list[str]:
        """One line for every tensor."""
        return [str(row) for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """Return the whole report as a dictionary for json."""
        return {
            "version": FORMAT_VERSION,
            "relook": __version__,
            "file": self.file,
            "source": self.source,
            "sha256": self.sha256,
            "size": self.size,
            "architecture": self.architecture,
            "reasons": list(self.reasons),
            "unknown": list(self.unknown),
            "notes": list(self.notes),
            "settings": list(self.settings),
            "licence": self.licence,
            "digest": self.digest,
            "digest_values": dict(self.values),
            "counts": dict(self.counts),
            "tensors": [row.to_json() for row in self.rows],
        }

    def _rows_to_check(self) -> Iterator[str]:
        for status in ("computed", "missing", "left over"):
            rows = [row for row in self.rows if row.status == status]
            yield from _shortened("  ", rows)


def _shortened(indent: str, lines: Sequence[object]) -> Iterator[str]:
    yield from (f"{indent}{line}" for line in lines[:_LISTED])
    if len(lines) > _LISTED:
        yield f"{indent}... and {len(lines) - _LISTED} more"


def digest(detector: Detector) -> str:
    """A checksum of the output of `detector` on a fixed image, as 16 hexadecimal digits.

    It covers, after rounding: the mean magnitude of every pyramid level, of the proposals' scores
    and, if there is one, of the semantic logits; and of the ten best detections the scores, the
    classes, the mean box and the mean mask. Two machines get the same checksum, unless a value is
    close to the border of two roundings; compare `forward_values` then.
    """
    return checksum(forward_values(detector))


def checksum(values: Mapping[str, str]) -> str:
    """Sixteen hexadecimal digits of the hash of `values`."""
    text = "\n".join(f"{name}={value}" for name, value in sorted(values.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@torch.no_grad()
def forward_values(detector: Detector) -> dict[str, str]:
    """The rounded numbers of the checksum `digest`, by name."""
    device = next(detector.parameters()).device
    images = _fixed_image().to(device)
    was_training = detector.training
    detector.eval()
    try:
        pyramid = detector.features(images.pixels)
        values = {
            f"P{level}": _figures(features.double().abs().mean().item())
            for level, features in enumerate(pyramid, start=2)
        }
        values["objectness"] = _figures(detector.rpn(pyramid).logits.double().abs().mean().item())
        if detector.semantic is not None:
            logits, _ = detector.semantic(pyramid)
            values["semantic"] = _figures(logits.double().abs().mean().item())
        if all(math.isfinite(float(value)) for value in values.values()):
            values |= _describe(_best(detector, images))
        return values
    finally:
        detector.train(was_training)


def _best(detector: Detector, images: ImageBatch) -> Detections:
    """Detections in the one image, of any score."""
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    first = detector.look(images)
    rule = cascade.select.changed(0.0, None)
    (detections,) = cascade.detect(first.pyramid, first.context, first.proposals, images, rule)
    return detections


def _describe(detections: Detections) -> dict[str, str]:
    boxes, scores = detections.boxes[:_BEST].double(), detections.scores[:_BEST].double()
    if not len(scores):
        return {"detections": "0"}
    values = {
        "scores": f"{scores.mean().item():.3f}",
        "classes": " ".join(map(str, sorted(detections.labels[:_BEST].tolist()))),
        "box": " ".join(f"{x:.0f}" for x in boxes.mean(0).tolist()),
    }
    if detections.mask_probabilities is not None:
        values["masks"] = f"{detections.mask_probabilities[:_BEST].double().mean().item():.3f}"
    return values


def _figures(value: float) -> str:
    return f"{value:.4g}"


def _fixed_image() -> ImageBatch:
    height, width = _SIZE
    y = torch.arange(height, dtype=torch.float64)[:, None]
    x = torch.arange(width, dtype=torch.float64)[None]
    channels: list[Tensor] = [
        torch.sin(0.07 * x + 0.05 * y),
        torch.cos(0.11 * x - 0.03 * y),
        torch.sin(0.02 * x) * torch.cos(0.09 * y),
    ]
    return ImageBatch(
        torch.stack(channels).float()[None], (_SIZE,), (_SIZE,), (_SIZE,), ((1.0, 1.0),)
    )
