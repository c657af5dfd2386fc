from __future__ import annotations

import math

import pytest

from relook.data.coco.polygon_measures import measured


@pytest.mark.parametrize("corners", [12, 1200])
def test_a_disc_by_lists_and_by_arrays(corners: int) -> None:
    turns = [2 * math.pi * k / corners for k in range(corners)]
    part = [v for t in turns for v in (20 + 5 * math.cos(t), 30 + 5 * math.sin(t))]
    box, outline, area = measured(part)
    assert box == pytest.approx((15, 25, 25, 35))
    assert outline == pytest.approx(40)  # along the axes, as around its box
    assert area == pytest.approx(corners / 2 * 25 * math.sin(2 * math.pi / corners))
