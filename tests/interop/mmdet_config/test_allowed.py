"""Paths and the values that may stand there."""

from __future__ import annotations

from relook.interop.mmdet_config.allowed import assigner, coder, loss, sampler, under


def test_paths_are_put_below_another() -> None:
    assert under("a.*", {"b": (1,), "c.d": (2, 3)}) == {"a.*.b": (1,), "a.*.c.d": (2, 3)}


def test_losses_have_weight_one() -> None:
    assert loss("l", type="T", beta=2) == {
        "l.loss_weight": (1.0,),
        "l.type": ("T",),
        "l.beta": (2,),
    }


def test_overlaps_are_those_given() -> None:
    allowed = assigner(0.7, 0.3)
    assert allowed["assigner.pos_iou_thr"] == (0.7,)
    assert allowed["assigner.neg_iou_thr"] == allowed["assigner.min_pos_iou"] == (0.3,)
    assert sampler(True)["sampler.add_gt_as_proposals"] == (True,)
    assert coder("c")["c.target_means"] == ((0.0, 0.0, 0.0, 0.0),)
