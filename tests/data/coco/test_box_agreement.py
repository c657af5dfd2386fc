from __future__ import annotations

import numpy as np

from relook.data.coco.box_agreement import BoxAgreement, agrees, likely_cause


def test_tolerance() -> None:
    bounds = (10.0, 10.0, 30.0, 20.0)
    assert agrees((12, 10, 30, 20), bounds)
    assert not agrees((12.1, 10, 30, 20), bounds)
    assert agrees((108, 0, 200, 100), (100, 0, 200, 100))


def test_boxes_that_differ_for_no_single_reason() -> None:
    random = np.random.default_rng(0)
    written, bounds = random.uniform(0, 50, (2, 40, 4))
    bounds[:, 2:] += bounds[:, :2] + 5
    assert likely_cause(written, bounds, np.full((40, 2), 100.0)) == ""


def test_a_cause_must_explain_most() -> None:
    agreement = BoxAgreement(compared=10)
    for k in range(10):
        x = 10.0 * k
        written = (x, x, x + 20, x + 30) if k else (90.0, 1.0, 2.0, 3.0)
        agreement.differs(k, written, (x, x, x + 20, x + 30), (200, 200))
    assert "corners x1 y1 x2 y2" in agreement.cause()
    assert agreement.remark().startswith("boxes: 10 of 10 are not those of their masks (first: ")
    assert BoxAgreement().remark() == ""
