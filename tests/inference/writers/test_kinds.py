"""Names of kinds, and where their files stand."""

from __future__ import annotations

import pytest

from relook.errors import UsageError
from relook.inference.writers import kinds as module
from relook.inference.writers.kinds import KINDS, check_kinds, check_options, files_of


def test_kinds_are_known_and_have_something_to_save() -> None:
    assert check_kinds(["overlay", "coco", "overlay"], panoptic=False) == ("coco", "overlay")
    assert check_kinds([], panoptic=False) == ()
    with pytest.raises(UsageError, match="U01: save: unknown kind 'mask'; did you mean 'masks'"):
        check_kinds(["mask"], panoptic=False)
    with pytest.raises(UsageError, match="U04: save panoptic"):
        check_kinds(["panoptic"], panoptic=False)
    with pytest.raises(UsageError, match="U04: save masks: this model finds boxes only"):
        check_kinds(["masks"], panoptic=False, masks=False)
    assert check_kinds(["panoptic"], panoptic=True) == ("panoptic",)


def test_a_kind_without_its_package_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"U04.*pip install pandas pyarrow.*Save csv"):
        check_kinds(["parquet"], panoptic=False)


def test_every_kind_has_files_and_words() -> None:
    for name, kind in KINDS.items():
        assert kind.about and (kind.files or kind.common), name
    assert files_of("a", ["coco", "rois", "masks"]) == [
        "rois/a.zip",
        "masks/a.png",
        "masks/a.json",
    ]


def test_options_that_change_no_file_are_refused() -> None:
    check_options(["csv", "rois"], ["pixel_size", "simplify"])
    check_options(["film"], ["labels"])
    with pytest.raises(UsageError, match=r"U04: --simplify changes nothing .*\(coco, overlay\)"):
        check_options(["coco", "overlay"], ["labels", "simplify"])
    with pytest.raises(
        UsageError, match=r"--pixel-size changes nothing of what is saved \(nothing"
    ):
        check_options([], ["pixel_size"])
