"""Files that are either the old ones or the new ones."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from relook.errors import RelookError
from relook.runtime.files import remove_drafts, replacing, unwritable, write_text


def test_a_file_appears_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.txt"
    with replacing(target) as draft:
        draft.write_text("half")
        assert not target.exists()
        assert draft.parent == target.parent  # on the same disk, so that renaming is enough
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


def test_a_failing_block_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def interrupted() -> None:
        with replacing(target) as draft:
            draft.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_an_error_with_a_code(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RelookError, match=r"R02.*a\.txt.*No space left.*unchanged"):  # noqa: SIM117
        with replacing(target):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(RelookError, match="R02"):
        write_text(tmp_path / "a.txt", "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(RelookError, match="R02"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    with replacing(tmp_path / "a") as draft:
        draft.write_text("x")
        draft.chmod(0o600)  # as safetensors leaves it
    assert (tmp_path / "a").stat().st_mode == plain.stat().st_mode


def test_write_text_is_utf8(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "nucléus \N{SNOWMAN}")
    assert (tmp_path / "a").read_bytes() == "nucléus \N{SNOWMAN}".encode()


def test_unwritable_takes_reasons_that_are_no_system_errors(tmp_path: Path) -> None:
    error = unwritable(tmp_path / "gone", RuntimeError("PytorchStreamWriter failed"))
    assert "PytorchStreamWriter failed" in str(error)
    assert "unchanged" not in str(error)


def test_drafts_of_a_killed_process_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [tmp_path / name for name in ("a.txt", ".a.txt", ".a.tmp", ".a.12345.tmp", "b.tmp")]
    for path in kept:
        path.write_text("")
    with replacing(tmp_path / "a.txt") as draft:
        (tmp_path / draft.name.replace("a.txt", "z.txt")).write_text("left behind")
    remove_drafts(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    remove_drafts(tmp_path / "no folder")


def test_names_that_are_not_utf8_are_written(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "scan\udce9")
    assert (tmp_path / "a.txt").read_bytes() == b"scan\\udce9"
