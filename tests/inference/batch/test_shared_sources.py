"""Sources that are found once for all processes."""

from __future__ import annotations

import pytest

from relook.data.sources.cameras import Camera
from relook.data.sources.found import Found
from relook.errors import UsageError
from relook.inference.batch import shared_sources
from relook.inference.batch.shared_sources import check_live, share_sources


def test_a_camera_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Found([], containers=(Camera.__new__(Camera),))
    check_live(live, resume=False)
    with pytest.raises(UsageError, match="U04: --resume"):
        check_live(live, resume=True)
    closed: list[Found] = []
    monkeypatch.setattr(Found, "close", lambda self: closed.append(self))
    monkeypatch.setattr(shared_sources, "find_sources", lambda *_, **__: live)
    monkeypatch.setattr(shared_sources, "world_size", lambda: 2)
    with pytest.raises(UsageError, match="U04: a camera gives its frames to one process"):
        share_sources(["camera:0"], frames=1)
    assert closed == [live]
