"""The rules of the heads that label pixels."""

from __future__ import annotations

import pytest

from relook.structures.rules.pixels import FuseRule, SemanticRule, StuffRule


def test_who_sees_the_context_is_told() -> None:
    for fuse, heads in (
        (FuseRule(), "boxes and masks"),
        (FuseRule(masks=False), "boxes"),
        (FuseRule(boxes=False, masks=False), "nothing"),
    ):
        assert SemanticRule(fuse=fuse).words()[0].endswith(f"for the heads of {heads}")


def test_groups_must_share_the_channels() -> None:
    with pytest.raises(ValueError, match="128 channels cannot be shared by 7 groups"):
        StuffRule(groups=7)
