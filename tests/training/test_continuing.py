"""What must hold before a run is resumed; whole runs are in test_saving and test_loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.errors import RelookError, UsageError
from relook.training.checkpoints import WholeCheckpointIO
from relook.training.continuing import check_settings, locked, state_to_continue
from relook.training.fingerprint import fingerprint
from relook.training.run_folder import RunFolder, create_run, run_to_continue
from relook.training.settings import Settings
from relook.training.sources import read_sources


def test_a_run_is_there_when_it_has_settings_and_a_state(small: Settings, tmp_path: Path) -> None:
    said: list[str] = []
    settings, sources = read_sources(small)
    assert run_to_continue(None) is None
    assert run_to_continue(tmp_path / "run") is None
    run = create_run(tmp_path / "run", "x")
    run.begin(settings, sources.train, fingerprint(settings, sources, Path("nuclei")))
    assert run_to_continue(run.path) is None
    WholeCheckpointIO().save_checkpoint({}, run.last)
    assert run_to_continue(run.path) == run
    assert run.read_data()["weights"] == "nuclei"
    assert state_to_continue(run, settings, sources, said.append) == run.last
    run.last.replace(run.previous)
    assert state_to_continue(run, settings, sources, said.append) == run.previous
    with pytest.raises(UsageError, match=r"train\.epochs is 5, and was 1") as caught:
        check_settings(run, settings.with_(train__epochs=5))
    assert caught.value.code == "U04"
    run.data.write_text("{")
    with pytest.raises(RelookError, match=r"data\.json cannot be read") as damaged:
        state_to_continue(run, settings, sources, said.append)
    assert damaged.value.code == "R06" and not said


def test_drafts_are_removed_by_who_has_the_lock(tmp_path: Path) -> None:
    draft = tmp_path / ".last.ckpt.0123abcd.tmp"
    draft.write_bytes(b"half")
    with locked(RunFolder(tmp_path), print):
        assert not draft.exists()
        draft.write_bytes(b"half")
        with pytest.raises(RelookError, match="in use"), locked(RunFolder(tmp_path), print):
            pass
        assert draft.exists()
