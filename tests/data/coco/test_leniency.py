from __future__ import annotations

import pytest

from relook.data.coco.leniency import STRICT, Leniency


def test_strict_by_default() -> None:
    assert Leniency() == STRICT
    assert STRICT.changed() == {}


@pytest.mark.parametrize(
    "values",
    [{"boxes": "from-masks"}, {"crowd": "as-objects", "skip_missing": True}, {"keep_root": True}],
)
def test_what_differs_is_named(values: dict[str, object]) -> None:
    assert Leniency(**values).changed() == values  # type: ignore[arg-type]
