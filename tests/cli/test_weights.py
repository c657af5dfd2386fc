"""``relook weights``: listing, fetching, verifying and importing models of others."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from typer.testing import Result

from relook.api import load
from relook.data.coco.reader import Category
from relook.errors import ModelError, UsageError
from relook.interop import importing
from relook.interop.importing import Imported
from relook.interop.report import Report
from relook.interop.tensor_table import Row
from relook.interop.zoo import zoo
from relook.interop.zoo.zoo import ZOO, covered, find
from relook.weights.file import load_model

Run = Callable[..., Result]
CONTENT = b"weights, as it were"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RELOOK_CACHE", str(folder))
    monkeypatch.delenv("RELOOK_MIRRORS", raising=False)
    return folder


@pytest.fixture
def carried(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of detectors-htc-r50, as if its cache folder came from another machine."""
    url = f"https://nowhere.invalid/detectors_htc_r50_1x_coco-{DIGEST[:8]}.pth"
    file = replace(find("detectors-htc-r50"), url=url)
    monkeypatch.setattr(zoo, "ZOO", (file, find("authors_DetectoRS_R50")))
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(CONTENT)
    return file.path


def test_the_list_for_people(relook: Run, carried: Path) -> None:
    result = relook("weights", "list")
    row = next(line for line in result.stdout.splitlines() if "detectors-htc-r50" in line)
    assert row.split() == [
        "detectors_htc_r50_1x_coco",
        "detectors-htc-r50",
        *("1x", "49.1", "/", "42.6", "540", DIGEST[:8], "yes"),
    ]
    before, after = result.stdout.split("No preset covers")
    assert "authors_DetectoRS_R50" not in before
    assert "authors_DetectoRS_R50 (51.1 / 44.0)" in after
    assert "MMDetection 1" in after
    assert "None of them was opened in the making" in after


def test_the_list_for_programs(relook: Run, cache: Path) -> None:
    rows = json.loads(relook("weights", "list", "--json").stdout)
    assert [row["name"] for row in rows] == [file.name for file in ZOO]
    first = rows[0]
    assert first["url"] == ZOO[0].url
    assert first["published"] == {"box_ap": 44.8, "mask_ap": None, "split": "val2017"}
    assert first["megabytes"] == 377
    assert first["hash_prefix"] == "8cf51bfd"
    assert first["path"] == str(cache / "checkpoints" / ZOO[0].file_name)
    assert not first["is_here"]
    assert sum(row["preset"] is None for row in rows) == len(ZOO) - len(covered())
    assert all((row["preset"] is None) == bool(row["why_not"]) for row in rows)


@pytest.mark.parametrize("name", ["detectors-htc-r50", "detectors_htc_r50_1x_coco"])
def test_a_file_that_is_here(relook: Run, carried: Path, name: str) -> None:
    result = relook("weights", "get", name)
    assert result.exit_code == 0
    assert result.stdout == f"{carried}\n"
    assert "it was here" in result.stderr
    assert DIGEST in result.stderr
    assert "licence: Apache-2.0" in result.stderr


def test_a_file_that_is_damaged(relook: Run, carried: Path) -> None:
    carried.write_bytes(b"changed")
    result = relook("weights", "get", "detectors-htc-r50")
    assert result.exit_code == 4
    assert "M06" in result.stderr
    assert relook("weights", "verify", carried).exit_code == 4


def test_a_name_that_is_none(relook: Run) -> None:
    result = relook("weights", "get", "detectors-htc-r5")
    assert result.exit_code == 2
    assert "did you mean 'detectors-htc-r50'" in result.stderr
    assert "relook weights list" in relook("weights", "get", "xyz").stderr


def test_what_a_file_is(relook: Run, carried: Path, tmp_path: Path) -> None:
    result = relook("weights", "verify", carried)
    assert result.exit_code == 0
    assert DIGEST in result.stdout
    assert "whole: detectors_htc_r50_1x_coco" in result.stdout
    assert "preset: detectors-htc-r50" in result.stdout
    assert "published AP on val2017: 49.1 / 42.6" in result.stdout
    other = tmp_path / f"other-{hashlib.sha256(b'x').hexdigest()[:8]}.pth"
    other.write_bytes(b"x")
    assert "not a file that is listed" in relook("weights", "verify", other).stdout
    assert relook("weights", "verify", tmp_path / "gone").exit_code == 3


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.pth"
    torch.save({"state_dict": {}}, path)
    return path


@pytest.fixture
def calls(run_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Importing gives the model of `run_folder`; what it was asked for."""
    asked: list[dict[str, Any]] = []

    def stand_in(path: Path, **options: Any) -> Imported:
        asked.append({"path": path, **options})
        saved = load_model(run_folder / "best.safetensors")
        report = Report(
            file=path.name,
            source="mmdet",
            sha256="ab" * 32,
            size=1000,
            architecture="htc-tiny",
            reasons=("two \x1b[31mclasses <- the heads",),
            unknown=(),
            notes=(),
            rows=(Row("a", "b", (1, 2), "used"),),
            licence="non-commercial",
        )
        classes = (Category(1, "ours"), Category(2, "theirs"))
        return Imported(saved.detector, saved.config, classes, report, {"epochs": 12})

    monkeypatch.setattr(importing, "import_checkpoint", stand_in)
    return asked


def test_importing(relook: Run, theirs: Path, calls: list[dict[str, Any]], tmp_path: Path) -> None:
    out = tmp_path / "models" / "ours.safetensors"
    result = relook("weights", "import", theirs, "--out", out)
    assert result.exit_code == 0
    assert calls == [
        {
            "path": theirs,
            **dict.fromkeys(("config", "preset", "classes", "style")),
            **dict.fromkeys(("legacy", "accept_differences", "accept_broken"), False),
            "ema": None,
            "changes": {},
        }
    ]
    assert "source: theirs.pth" in result.stdout
    assert "licence: non-commercial" in result.stdout
    assert "\x1b" not in result.stdout
    report = json.loads((tmp_path / "models" / "ours.report.json").read_text())
    assert report["sha256"] == "ab" * 32
    assert report["tensors"]
    assert report["recipe"] == {"epochs": 12}
    saved = load_model(out)
    assert [c.name for c in saved.classes] == ["ours", "theirs"]
    assert saved.extra["licence"] == "non-commercial"
    assert saved.extra["imported_from"] == {"file": "theirs.pth", "sha256": "ab" * 32}
    assert sorted(p.name for p in out.parent.iterdir()) == ["ours.report.json", out.name]


def test_options_of_importing(
    relook: Run, theirs: Path, calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "ours.safetensors"
    plain = tmp_path / "plain.safetensors"
    relook("weights", "import", theirs, "--out", plain)
    options = ("--config", "c.py", "--preset", "htc-r50", "--classes", "n.txt", "--ema")
    options += ("--set", "cascade.select.nms_iou=0.3", "--accept-differences")
    relook(
        "weights", "import", theirs, "-o", out, *options, "--legacy", "--style", "caffe", "--fp16"
    )
    assert calls[1] == {
        "path": theirs,
        "config": Path("c.py"),
        "preset": "htc-r50",
        "classes": Path("n.txt"),
        "legacy": True,
        "style": "caffe",
        "ema": True,
        "changes": {"cascade": {"select": {"nms_iou": 0.3}}},
        "accept_differences": True,
        "accept_broken": False,
    }
    assert type(calls[1]["style"]) is str
    assert out.stat().st_size < 0.6 * plain.stat().st_size


def test_a_name_for_the_result_that_is_none(
    relook: Run, theirs: Path, calls: list[dict[str, Any]], tmp_path: Path
) -> None:
    result = relook("weights", "import", theirs, "--out", tmp_path / "ours.pth")
    assert result.exit_code == 2
    assert "U03" in result.stderr
    assert not calls
    assert relook("weights", "import", theirs).exit_code == 2
    assert relook("weights", "import", theirs, "-o", "a", "--style", "tf").exit_code == 2


def test_a_file_that_is_no_checkpoint(relook: Run, theirs: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours.safetensors"
    result = relook("weights", "import", theirs, "--out", out)
    assert result.exit_code == 4
    assert "theirs.pth" in result.stderr
    assert not out.exists()
    assert not (tmp_path / "ours.report.json").exists()


def test_importing_our_own_changes_nothing(relook: Run, run_folder: Path, tmp_path: Path) -> None:
    source, out = run_folder / "best.safetensors", tmp_path / "again.safetensors"
    assert relook("weights", "import", source, "--out", out).exit_code == 0
    with safe_open(source, "pt") as one, safe_open(out, "pt") as two:
        assert one.metadata() == two.metadata()
        assert list(one.keys()) == list(two.keys())
        assert all(torch.equal(one.get_tensor(k), two.get_tensor(k)) for k in one.keys())  # noqa: SIM118


def test_the_licence_goes_with_the_model(
    relook: Run,
    theirs: Path,
    calls: list[dict[str, Any]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out = tmp_path / "ours.safetensors"
    relook("weights", "import", theirs, "--out", out)
    for path in (theirs, out):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "relook"):
            model = load(path, device="cpu")
        assert model.licence == "non-commercial"
        assert "non-commercial" in repr(model)
        assert path.name in caplog.text
        assert "non-commercial" in caplog.text


def test_published_weights_by_the_name_of_a_preset(
    carried: Path, calls: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    model = load("detectors-htc-r50", weights="coco", device="cpu")
    assert calls == [
        {
            "path": carried,
            "preset": "detectors-htc-r50",
            "accept_differences": False,
            "with_digest": False,
        }
    ]
    assert model.licence is not None
    assert "Apache-2.0" in caplog.text
    carried.write_bytes(b"changed")
    with pytest.raises(ModelError, match=r"M06.*damaged"):
        load("detectors-htc-r50", weights="coco", device="cpu")


def test_a_file_never_causes_a_download(
    theirs: Path, run_folder: Path, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwanted(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing should be downloaded")

    monkeypatch.setattr(zoo, "download", unwanted)
    for path in (theirs, run_folder):
        load(path, device="cpu")
        with pytest.raises(UsageError, match=r"U04.*is a file or folder"):
            load(path, weights="coco", device="cpu")
    with pytest.raises(UsageError, match=r"U01.*did you mean 'coco'"):
        load("detectors-htc-r50", weights="cocoa")
