"""Free names, records that survive crashes, folders that can be resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.errors import DataError, RelookError, UsageError
from relook.training.run_folder import RunFolder, create_run, environment, open_run


def test_names_are_numbered_and_out_is_respected(tmp_path: Path) -> None:
    names = [create_run(None, "htc", tmp_path).path.name for _ in range(3)]
    assert names == ["htc", "htc-2", "htc-3"]
    empty = tmp_path / "mine"
    empty.mkdir()
    assert create_run(empty, "htc", tmp_path).path == empty
    assert create_run(tmp_path / "a" / "b", "htc", tmp_path).path.is_dir()


def test_a_folder_with_content_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(UsageError, match="--out"):
            create_run(path, "htc")


def test_a_parent_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("x")
    with pytest.raises(RelookError, match="cannot be made") as caught:
        create_run(None, "htc", tmp_path / "runs")
    assert caught.value.code == "R02"


def test_records_come_back_and_half_a_line_is_left_out(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.rows() == []
    run.record({"step": 1, "loss": 2.0})
    run.record({"step": 2, "val/mask_ap": 0.5})
    run.record({"step": 3, "loss": 1.0})
    run.forget_after(2)
    with run.metrics.open("a") as file:
        file.write('{"step": 4, "lo')
    assert [row["step"] for row in run.rows()] == [1, 2]
    run.write_table()
    assert run.metrics_table.read_text() == "step,loss,val/mask_ap\n1,2.0,\n2,,0.5\n"


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"3", b'{"step": "x"}', b'{"step": null}', b"\xff", b"[" * 90_000, b""]
)
def test_a_damaged_record_is_named_with_what_to_do(line: bytes, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.metrics.write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 2}\n')
    with pytest.raises(DataError, match=r"D03: .*metrics\.jsonl: line 2 is damaged\. Delete this"):
        run.forget_after(1)
    run.metrics.write_bytes(b'{"step": 1}\n' + line)  # as a crash leaves it
    assert run.rows() == [{"step": 1}]


def test_the_table_has_what_is_not_defined_as_an_empty_cell(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.record({"step": 1, "lr": 1e-05, "val/box_ap": float("nan")})
    run.write_table()
    assert run.metrics_table.read_bytes() == b"step,lr,val/box_ap\n1,1e-05,\n"


def test_only_runs_with_a_checkpoint_are_opened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run folder"):
        open_run(tmp_path)
    (tmp_path / "config.yaml").write_text("")
    with pytest.raises(DataError, match="no checkpoint"):
        open_run(tmp_path)
    (tmp_path / "last.ckpt").write_text("")
    assert open_run(tmp_path).path == tmp_path


def test_environment_names_versions() -> None:
    found = environment()
    assert found["packages"]["torch"][0].isdigit()
    assert found["cores"] >= 1
