"""Options of what is saved."""

from __future__ import annotations

from relook.cli.saving_options import kinds_of


def test_kinds_have_defaults() -> None:
    assert kinds_of(None, nothing=True, panoptic=False) == ()
    assert kinds_of(None, nothing=False, panoptic=False) == ("coco", "overlay")
    assert kinds_of(None, nothing=False, panoptic=True) == ("overlay", "panoptic")
    assert kinds_of("rois, csv", nothing=False, panoptic=False) == ("csv", "rois")
