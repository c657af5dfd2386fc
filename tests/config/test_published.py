"""Published trainings: whole rows, and the one that stands for a preset."""

from __future__ import annotations

from relook.config.presets import PRESETS
from relook.config.published import PUBLISHED, published_for


def test_rows_name_their_source_and_fit_the_model() -> None:
    assert len({(row.preset, row.schedule) for row in PUBLISHED}) == len(PUBLISHED)
    for row in PUBLISHED:
        assert row.source
        if row.box is not None:
            assert (row.mask is not None) == PRESETS[row.preset].config.cascade.masks, row


def test_the_first_row_with_numbers_stands_for_a_preset() -> None:
    dsc = published_for("dsc-r50")
    assert dsc is not None
    assert (dsc.schedule, dsc.box, dsc.mask) == ("20e", 45.8, 40.1)
    assert dsc.options == "--model dsc-r50 --schedule 20e"
    assert published_for("detectors-htc-x101-64x4d") is None  # test-dev only
    assert all(published_for(name) is None for name in PRESETS if "tiny" in name)


def test_options_repeat_what_a_training_adds_to_its_schedule() -> None:
    (soft,) = (row for row in PUBLISHED if row.preset == "detectors-htc-x101-32x4d")
    assert soft.options.endswith("--schedule 40e --set model.cascade.select.suppression=soft_nms")
