"""Cascades read from names and shapes; the whole of a checkpoint is in test_recognition.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from theirs import Shapes, narrow_shapes

from relook.config.cascades import DSCConfig, HTCConfig
from relook.errors import ModelError
from relook.interop.cascade_shapes import is_guided, read_classes, read_dsc, read_htc
from relook.interop.shapes import Findings
from relook.interop.shapes import Shapes as Seen
from relook.structures.rules.cascade import SelectRule
from relook.structures.rules.guidance import GuidanceRule
from relook.structures.rules.heads import BoxHeadRule

HEAD = "roi_head."
SMALL = DSCConfig(mask_channels=32)


def dsc(shapes: Shapes, given: DSCConfig | None = None) -> tuple[DSCConfig, Findings]:
    seen, say = Seen(shapes), Findings()
    num_classes, _, _ = read_classes(seen, 32)
    return read_dsc(seen, num_classes, given, say), say


def without(*parts: str) -> Callable[[Shapes], Shapes]:
    """All tensors but those whose name has one of `parts` in it."""
    return lambda shapes: {k: s for k, s in shapes.items() if not any(p in k for p in parts)}


def reshaped(key: str, shape: tuple[int, ...]) -> Callable[[Shapes], Shapes]:
    return lambda shapes: shapes | {f"{HEAD}{key}": shape}


def test_htc_and_dsc_are_told_apart() -> None:
    assert is_guided(Seen(narrow_shapes("dsc_r50"))) and not is_guided(Seen(narrow_shapes()))
    seen, say = Seen(narrow_shapes()), Findings()
    assert read_classes(seen, 32) == (80, 128, BoxHeadRule())
    found = read_htc(seen, 80, None, say, semantic=True, old=False)
    assert found == HTCConfig(mask_channels=32)
    assert say.reasons == ["Hybrid Task Cascade, 3 stages <- conv_res in roi_head.mask_head"]


def test_the_published_dsc() -> None:
    found, say = dsc(narrow_shapes("dsc_r50"))
    assert found == SMALL and not say.unknown
    assert "DSC or Fast DSC, 3 stages <- roi_head.mpn" in say.reasons
    targets = "to box heads and later mask heads (1x1, with batch norm)"
    assert f"mask features go {targets} <- conv_res" in say.reasons


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (without("bbox_head.0.conv_res"), {"guidance__initial": False}),
        (without(*(f"bbox_head.{i}.conv_res" for i in range(3))), {"guidance__implicit": False}),
        (
            without("mpn.1.conv_res", "mpn.2.conv_res", "mask_head.conv_res"),
            {"guidance__mask_flow": False},
        ),
        (without(".conv_res.bn."), {"fuse_norm": "none"}),
        (without(".conv_res."), {"guidance__implicit": False, "guidance__mask_flow": False}),
    ],
)
def test_switches_that_tensors_tell(
    change: Callable[[Shapes], Shapes], fields: dict[str, object]
) -> None:
    found, say = dsc(change(narrow_shapes("dsc_r50")))
    assert found == SMALL.with_(**fields)
    assert any(line.startswith("mask features go to") for line in say.reasons)


def test_the_kernel_of_projections() -> None:
    shapes = narrow_shapes("dsc_r50")
    wide = {
        k: (*s[:2], 3, 3) if k.endswith("conv_res.conv.weight") else s for k, s in shapes.items()
    }
    assert dsc(wide)[0].fuse_kernel == 3


def test_what_tensors_do_not_tell_is_given() -> None:
    given = DSCConfig(
        guidance=GuidanceRule(side=7, plus_one=False),
        select=SelectRule(nms_iou=0.4),
        fuse_norm="sync_batch",
    )
    shapes = narrow_shapes("dsc_r50")
    assert dsc(shapes, given)[0] == given.with_(mask_channels=32)
    assert dsc(without(".conv_res.bn.")(shapes), given)[0].fuse_norm == "none"


def test_other_numbers_of_stages() -> None:
    shapes = narrow_shapes("dsc_r50")
    fourth = {
        k.replace("head.2.", "head.3.").replace("mpn.2.", "mpn.3."): s for k, s in shapes.items()
    }
    found, say = dsc({**shapes, **fourth})
    assert [stage.iou for stage in found.stages] == [0.5, 0.6, 0.7, 0.7]
    assert "4 stages" in say.unknown[0] and len(found.guidance.ratios(4)) == 4
    one, _ = dsc(without("head.1.", "head.2.", "mpn.1.", "mpn.2.")(shapes))
    assert (len(one.stages), one.guidance.implicit, one.rows.scoring(1)) == (1, True, (0,))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            reshaped("bbox_head.2.fc_reg.weight", (320, 128)),
            r"bbox_head\.2\.fc_reg refines 80 boxes .* as in the last box head of DSC's early",
        ),
        (reshaped("bbox_head.0.fc_reg.weight", (320, 128)), r"one for each class; relook's"),
        (reshaped("mpn.1.conv_logits.weight", (80, 32, 1, 1)), "80 masks, where 1 are expected"),
        (reshaped("mask_head.conv_logits.weight", (1, 32, 1, 1)), "one mask .* where 80"),
        (reshaped("mask_head.conv_logits.weight", (7, 32, 1, 1)), "7 masks, where 80"),
        (
            reshaped("bbox_head.1.conv_res.conv.weight", (32, 32, 3, 3)),
            "do not all have one kernel",
        ),
        (reshaped("mpn.0.conv_res.conv.weight", (32, 32, 1, 1)), "before the first"),
        (without("mpn.2."), "3 box heads and 2 guidance heads"),
        (without("mask_head."), r"no roi_head\.mask_head\.conv_logits"),
        (without("mpn.1.conv_res.bn"), "do not all have one kernel"),
        (without("bbox_head.1.conv_res"), r"bbox_head\.2 takes .*bbox_head\.1 does not"),
        (without("bbox_head.1.conv_res", "bbox_head.2.conv_res"), "later box heads do not"),
        (without("mask_head.conv_res"), r"mpn\.1 takes .*mask_head does not"),
    ],
)
def test_heads_that_are_not_ours_are_explained(
    change: Callable[[Shapes], Shapes], reason: str
) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        dsc(change(narrow_shapes("dsc_r50")))
    assert caught.value.code == "M04"


def test_a_classifier_of_seesaw_loss_is_called_by_name() -> None:
    shapes = narrow_shapes("htc_r50")
    for stage in range(3):
        for kind in ("weight", "bias"):
            key = f"{HEAD}bbox_head.{stage}.fc_cls.{kind}"
            shapes[key] = (82, *shapes[key][1:])
    with pytest.raises(ModelError, match="Seesaw"):
        read_htc(Seen(shapes), 81, None, Findings(), semantic=True, old=False)
