"""The report of an import, and the checksum of what a model computes."""

from __future__ import annotations

import json

import pytest
import torch

from relook.api import build
from relook.interop.families import Source
from relook.interop.report import LICENCES, Report, checksum, digest, forward_values
from relook.interop.tensor_table import Row
from relook.models.detector import Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    torch.manual_seed(0)
    return build("detectors-htc-tiny", rpn__test__candidates=40, rpn__test__proposals=20).eval()


def report(**changes: object) -> Report:
    values: dict[str, object] = {
        "file": "theirs.pth",
        "source": "mmdet",
        "sha256": "ab" * 32,
        "size": 12_300_000,
        "architecture": "htc-r50",
        "reasons": ("ResNet-50 <- blocks",),
        "unknown": ("score threshold 0.05",),
        "notes": ("optimizer was not read",),
        "rows": (
            Row("a", "b", (2, 3), "renamed"),
            *(Row(None, f"x{i}", (1,), "left over") for i in range(25)),
        ),
        "licence": LICENCES["mmdet"],
        "settings": ("not carried over: lr",),
        **changes,
    }
    return Report(**values)  # type: ignore[arg-type]


def test_lines_hold_what_a_person_needs() -> None:
    text = "\n".join(report(values={"P2": "1"}).lines())
    for part in (
        "theirs.pth (mmdet, 12.3 MB)",
        "sha256: abab",
        "architecture: htc-r50",
        "ResNet-50 <- blocks",
        "assumed:\n  score threshold",
        "note: optimizer",
        "configuration, not carried over: lr",
        "0 used, 1 renamed, 0 computed, 0 missing, 25 left over",
        "... and 5 more",
        "Apache-2.0",
        f"digest: {checksum({'P2': '1'})}",
    ):
        assert part in text
    assert "digest" not in "\n".join(report().lines())
    assert len(report().table()) == 26


def test_json_holds_everything() -> None:
    made = report(values={"P2": "1"})
    read = json.loads(json.dumps(made.to_json()))
    assert len(read["tensors"]) == 26 and read["tensors"][0]["theirs"] == "b"
    assert read["digest"] == made.digest and read["digest_values"] == {"P2": "1"}
    assert read["counts"]["left over"] == 25 and read["unknown"] == ["score threshold 0.05"]
    assert report().to_json()["digest"] is None


def test_every_source_has_terms() -> None:
    assert set(LICENCES) == set(Source.__args__)  # type: ignore[attr-defined]


def test_the_digest_is_the_same_twice_and_leaves_the_model_alone(detector: Detector) -> None:
    assert digest(detector) == digest(detector) == checksum(forward_values(detector))
    assert not detector.training
    detector.train()
    digest(detector)
    assert detector.training
    detector.eval()
    assert {"P2", "P6", "objectness", "semantic", "scores", "masks"} <= set(
        forward_values(detector)
    )


@pytest.mark.parametrize("part", ["features.fpn.outputs.0", "semantic.logits", "rpn.objectness"])
def test_the_digest_notices_other_weights(detector: Detector, part: str) -> None:
    before = digest(detector)
    weight = detector.get_submodule(part).weight
    kept = weight.detach().clone()  # type: ignore[operator, union-attr]
    with torch.no_grad():
        weight.mul_(1.1)  # type: ignore[operator, union-attr]
        assert digest(detector) != before
        weight.copy_(kept)  # type: ignore[operator, union-attr]
    assert digest(detector) == before


def test_the_digest_ignores_the_last_bits(detector: Detector) -> None:
    before = digest(detector)
    weight = detector.get_parameter("features.fpn.outputs.0.weight")
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.mul_(1 + 2**-23)
        assert digest(detector) == before
        weight.copy_(kept)


def test_broken_weights_have_a_digest_too(detector: Detector) -> None:
    bias = detector.get_parameter("features.fpn.outputs.0.bias")
    kept = bias.detach().clone()
    with torch.no_grad():
        bias.fill_(float("nan"))
        assert forward_values(detector)["P2"] == "nan"
        bias.copy_(kept)
