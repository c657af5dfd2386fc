"""What is said about the fast ways of this machine."""

from __future__ import annotations

import pytest

from relook.models.folding import fast_ways, ways
from relook.ops.cpu import onednn, winograd


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("filters", [True, False])
def test_each_way_is_named_and_each_missing_one(
    packs: bool, keeps: bool, filters: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onednn, "is_available", lambda: packs)
    monkeypatch.setattr(winograd, "has_fast_products", lambda: filters)
    monkeypatch.setattr(ways, "keep_freed", lambda: keeps)
    lines = fast_ways()
    assert [line.split(":")[0] for line in lines][:2] == ["folded", "gathered"]
    assert lines[2].startswith("packed" if packs else "not packed: PyTorch ")
    assert ("minimal filtering" in lines[2]) == (packs and filters)
    assert ("320 MiB" in lines[3]) == keeps
    assert all("\n" not in line for line in lines)
