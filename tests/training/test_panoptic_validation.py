"""Training on panoptic data: what is learnt, what is validated, what is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from relook.api import load
from relook.config.base import overlay
from relook.data.panoptic.reader import read_panoptic, read_truth
from relook.errors import DataError, UsageError
from relook.evaluation.panoptic.quality import PanopticQuality
from relook.evaluation.panoptic.scores import summed
from relook.training.loop import resume, train
from relook.training.settings import Settings
from relook.training.sources import read_sources
from relook.training.start.source import Start
from relook.weights.file import load_model

NAME = "detectors-panoptic-tiny"
Make = Callable[..., Settings]


@pytest.fixture
def settings(panoptic_blobs: Path, make_settings: Make) -> Settings:
    given = make_settings(panoptic_blobs, NAME, semantics="auto")
    small = {"stuff": {"channels": 16, "groups": 4}, "panoptic": {"score": 0.05, "stuff_area": 64}}
    return overlay(given, {"model": small})


def test_the_data_decides_the_labels(settings: Settings) -> None:
    fitted, sources = read_sources(settings)
    assert fitted.model.num_classes == 1
    assert fitted.model.stuff is not None and fitted.model.semantic is not None
    assert fitted.model.stuff.num_classes == fitted.model.semantic.num_classes == 3
    assert [c.name for c in sources.stuff] == ["sky", "ground"]
    assert sources.semantics.mode == "panoptic" and sources.panoptic_val is not None
    sample = sources.training_set(fitted)[0]
    assert sample.target is not None and sample.target.semantic is not None
    assert set(sample.target.semantic.unique().tolist()) <= {0, 1, 2, 255}


def test_a_model_with_the_branch_of_htc_alone_learns_the_same_labels(
    panoptic_blobs: Path, make_settings: Make
) -> None:
    fitted, sources = read_sources(make_settings(panoptic_blobs, "htc-tiny"))
    assert fitted.model.stuff is None and fitted.model.semantic is not None
    assert fitted.model.semantic.num_classes == 3 and len(sources.stuff) == 2


def test_a_model_without_labels_learns_the_objects(
    panoptic_blobs: Path, make_settings: Make
) -> None:
    given = overlay(make_settings(panoptic_blobs, "htc-tiny"), {"model": {"semantic": None}})
    fitted, sources = read_sources(given)
    assert fitted.model.semantic is None and sources.stuff == ()
    assert sources.panoptic_val is None and sources.train.has_masks


def test_a_stuff_head_needs_panoptic_data(
    blobs: Path, panoptic_blobs: Path, make_settings: Make
) -> None:
    with pytest.raises(UsageError, match="stuff head"):
        read_sources(make_settings(blobs, NAME))
    with pytest.raises(UsageError, match="stuff head"):
        read_sources(make_settings(panoptic_blobs, NAME, semantics="instances"))
    with pytest.raises(UsageError, match="has objects only"):
        read_sources(make_settings(blobs, "htc-tiny", semantics="panoptic"))


def test_both_files_must_have_one_list_of_categories(settings: Settings, tmp_path: Path) -> None:
    path = settings.data.train_json
    document = json.loads(path.read_text())
    document["categories"][2]["name"] = "soil"
    (tmp_path / "other.json").write_text(json.dumps(document))
    shutil.copytree(path.with_suffix(""), tmp_path / "other")
    other = overlay(settings, {"data": {"val_json": tmp_path / "other.json"}})
    with pytest.raises(DataError, match="D13"):
        read_sources(other)


def test_a_training_is_chosen_by_pq_and_its_model_makes_maps(
    settings: Settings, console: Console, tmp_path: Path
) -> None:
    more = overlay(settings, {"train": {"epochs": 2}})
    outcome = train(more, console, out=tmp_path / "run")
    rows = [row for row in outcome.run.rows() if "val/pq" in row]
    assert len(rows) == 2 and all(0 <= row["val/pq"] <= 1 for row in rows)
    assert any("stuff" in row for row in outcome.run.rows())
    saved = load_model(outcome.run.best)
    assert [c.name for c in saved.stuff] == ["sky", "ground"]
    best = max(row["val/pq"] for row in rows)
    assert saved.extra["panoptic"]["all"]["pq"] == pytest.approx(best, abs=1e-5)

    index = read_panoptic(settings.data.train_json, settings.data.train_images)
    predictor = load(outcome.run.path, device="cpu")
    quality = PanopticQuality(index.categories)
    images = {image.path: image for image in index.images}
    for path, result in zip(
        images, predictor.stream(images, panoptic=True, max_dets=more.train.max_dets), strict=True
    ):
        assert result.panoptic is not None
        quality.add(read_truth(images[path]), result.panoptic)
    assert quality.scores().all.pq == pytest.approx(best, abs=1e-5)

    start = Start(saved, outcome.run.best)
    again = train(settings, console, out=tmp_path / "again", start=start)
    assert [c.name for c in load_model(again.run.best).stuff] == ["sky", "ground"]
    assert resume(tmp_path / "again", console).run.path == again.run.path


def test_scores_of_images_add_up(settings: Settings) -> None:
    index = read_panoptic(settings.data.train_json, settings.data.train_images)
    whole, parts = PanopticQuality(index.categories), []
    maps = [read_truth(image) for image in index.images]
    for truth, found in zip(maps, [maps[0], maps[0], maps[2], maps[1]], strict=True):
        whole.add(truth, found)
        one = PanopticQuality(index.categories)
        one.add(truth, found)
        parts.append([c for c in one.scores().classes if c.is_counted])
    together = summed(index.categories, parts)
    assert together.num_images == 4
    for a, b in zip(together.classes, whole.scores().classes, strict=True):
        assert (a.tp, a.fp, a.fn) == (b.tp, b.fp, b.fn) and a.iou == pytest.approx(b.iou)
    assert 0 < together.all.pq < 1
