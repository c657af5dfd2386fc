"""Panoptic values."""

from __future__ import annotations

import numpy as np

from relook.structures.panoptic import PanopticMap, Segment


def test_segments_follow_their_instances_through_a_filter() -> None:
    rows = (None, 2, 0)
    segments = tuple(
        Segment(i + 1, 5, row is not None, 1, (0, 0, 1, 1), instance=row)
        for i, row in enumerate(rows)
    )
    panoptic = PanopticMap(np.array([[1, 2, 3]], dtype=np.int32), segments)
    found = panoptic.renumbered([1, 2])
    assert [s.instance for s in found.segments] == [None, 1, None]
    assert [s.id for s in found.segments] == [1, 2, 3]
    assert found.ids is panoptic.ids
