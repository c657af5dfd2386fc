"""The rules of the region proposal network."""

from __future__ import annotations

from relook.structures.rules.proposals import ProposalRule


def test_what_sides_boxes_must_have_is_told() -> None:
    assert "both sides of a box above 0 pixels;" in ProposalRule().words()
    told = ProposalRule(min_bbox_size=2.0, min_bbox_size_rule="from").words()
    assert "both sides of a box from 2 pixels on;" in told
