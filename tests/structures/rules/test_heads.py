"""Rules of box heads, in words."""

from __future__ import annotations

from relook.structures.rules.heads import BoxHeadRule
from relook.structures.rules.norms import NormRule


def test_words() -> None:
    assert BoxHeadRule().words(1024) == (
        "two layers of 1024 for boxes, one box for all classes, smooth L1 with beta 1"
    )
    rule = BoxHeadRule(
        boxes="each_class", convs=4, hidden_layers=1, norm=NormRule("batch"), beta=0.0
    )
    assert rule.words(64).startswith("4 convolutions (batch norm, statistics of the batch,")
    assert rule.words(64).endswith("then one layer of 64 for boxes, a box of each class, L1")
