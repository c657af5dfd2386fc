"""Options of what is saved."""

from __future__ import annotations

from relook.cli.saving_options import kinds_of, set_options


def test_kinds_have_defaults() -> None:
    assert kinds_of(None, nothing=True, panoptic=False) == ()
    assert kinds_of(None, nothing=False, panoptic=False) == ("coco", "overlay")
    assert kinds_of(None, nothing=False, panoptic=True) == ("overlay", "panoptic")
    assert kinds_of("rois, csv", nothing=False, panoptic=False) == ("csv", "rois")


def test_options_that_are_set() -> None:
    assert set_options(None, 0.0, "auto") == []
    assert set_options("1um", 0.5, "off") == ["pixel_size", "simplify", "labels"]
