"""Published numbers: those that were read somewhere, and none that are only remembered."""

from __future__ import annotations

import pytest

from relook.ablation.published import MEASURES, PUBLISHED, Published, published_for
from relook.ablation.rows import ROWS, SCALES, Row

# Rows of the DetectoRS paper's table 3 whose numbers nobody here could read; of +3X the text says
# what it gains.
RECALLED = {
    "rfp+sharing", "rfp-aspp", "rfp-fusion", "rfp+3x", "sac-dcn", "sac-dcn-global",
    "sac-dcn-locking", "sac-dcn+ds",
}  # fmt: skip


def test_what_is_only_recalled_has_no_numbers() -> None:
    for name in RECALLED:
        for one in published_for(ROWS[name].at("r50")):
            assert not one.box and not one.mask
    assert set(PUBLISHED) & RECALLED == {"rfp+3x"}
    assert published_for(ROWS["rfp+3x"].at("tiny"))[0].gain == 1.3


def test_every_number_has_a_source_and_a_row() -> None:
    assert set(PUBLISHED) <= set(ROWS)
    for many in PUBLISHED.values():
        for one in many:
            assert one.source and (one.box or one.gain is not None)
            assert len(one.box) in (0, 1, 6) and len(one.mask) in (0, 1, 6)
            assert all(20 < value < 70 or value in one.mask for value in one.box)


def test_gains_are_those_that_the_sources_state() -> None:
    """Differences that are written in the texts, against typing errors in the numbers."""

    def ap(name: str, source: str, kind: str) -> float:
        (value,) = [o.of(kind, "ap") for o in PUBLISHED[name] if source in o.source]
        assert value is not None
        return value

    for name, box, mask in (
        ("dsc-exsg", -0.3, -0.4),
        ("dsc-imsg", -1.1, -0.7),
        ("dsc-plus1", -0.2, -0.2),
        ("dsc-afa", -0.5, -0.5),
        ("dsc-afa+recompute", 0.4, 0.4),
    ):
        gains = [
            ap(name, "components", k) - ap("fast-dsc", "components", k) for k in ("box", "mask")
        ]
        assert gains == pytest.approx([box, mask])
    for name, box, mask in (("full-dsc", 2.5, 2.1), ("fast-dsc", 2.2, 2.0)):
        gains = [ap(name, "time", kind) - ap("htc", "time", kind) for kind in ("box", "mask")]
        assert gains == pytest.approx([box, mask])


def test_numbers_by_name() -> None:
    one = PUBLISHED["both"][0]
    assert [one.of("mask", measure) for measure in MEASURES] == [42.1, 64.8, 45.5, 23.9, 45.6, 57.8]
    assert Published("a zoo", (40.3,)).of("box", "ap50") is None
    assert Published("a zoo", (40.3,)).of("mask", "ap") is None


@pytest.mark.parametrize("scale", SCALES)
def test_named_rows_show_what_is_known_at_r50(scale: str) -> None:
    sources = [one.source for one in published_for(ROWS["+rfp"].at(scale))]
    assert sources[0].startswith("DetectoRS paper") and "model zoo" in sources[1]
    assert published_for(ROWS["sac-sigmoid"].at(scale)) == ()


def test_other_rows_show_their_preset_if_they_are_one() -> None:
    assert published_for(Row("mine", "htc-r50"))[0].box == (42.3,)
    assert published_for(Row("mine", "htc-r50", {"train.ema": 0.99}))[0].box == (42.3,)
    assert published_for(Row("mine", "htc-r50", {"model.pyramid.steps": 2})) == ()
    # The name of a known row does not make it one.
    assert published_for(Row("both", "htc-tiny")) == ()
