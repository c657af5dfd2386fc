"""The rules that cascades have in common."""

from __future__ import annotations

from dataclasses import fields

from relook.structures.rules.cascade import STAGES, HybridRule, SelectRule


def test_values_may_stand_in_for_those_of_the_rule() -> None:
    rule = SelectRule(score_threshold=0.05, nms_iou=0.4, max_detections=7)
    assert rule.changed(None, None) == rule
    assert rule.changed(0.0, None) == SelectRule(0.0, 0.4, max_detections=7)
    assert rule.changed(None, 9) == SelectRule(0.05, 0.4, max_detections=9)


def test_stages_become_stricter_and_count_less() -> None:
    assert [stage.iou for stage in STAGES] == [0.5, 0.6, 0.7]
    assert [stage.loss_weight for stage in STAGES] == [1.0, 0.5, 0.25]


def test_whose_masks_are_handed_out() -> None:
    assert HybridRule().mask_words() == "the mean of all stages"
    assert HybridRule(mask_average="last").mask_words() == "the last stage"


def test_a_rule_is_agnostic_for_one_prediction_and_is_not_stored_so() -> None:
    rule = SelectRule(nms_iou=0.4)
    agnostic = rule.changed(None, 9, agnostic=True)
    assert (agnostic.agnostic, rule.agnostic, rule.changed(None, 9).agnostic) == (
        True,
        False,
        False,
    )
    assert (agnostic.nms_iou, agnostic.max_detections) == (0.4, 9)
    assert "agnostic" not in {field.name for field in fields(agnostic)}
    assert agnostic.changed(0.5, None).agnostic
