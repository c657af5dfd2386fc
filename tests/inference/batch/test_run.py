"""Whole folders from Python; `tests/cli/test_predict_many.py` has the same by the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.errors import DataError, RelookError, UsageError
from relook.inference.batch.journal import FOLDER
from relook.inference.batch.run import Outcome, digest_of, predict_files
from relook.inference.batch.writer import Writer
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Unreadable
from relook.models.build import build_detector

CLASSES = (Category(7, "nut"), Category(9, "bolt"))


def model(seed: int = 0, **changes: Any) -> Predictor:
    config = preset("htc-tiny").with_(
        num_classes=2,
        backbone__blocks=(1, 1, 1, 1),
        backbone__width=16,
        pyramid__channels=16,
        rpn__test__proposals=20,
        semantic=None,
        cascade__box_hidden=16,
        cascade__mask_channels=16,
        cascade__select__max_detections=6,
        input__size=(96, 96),
        **changes,
    )
    torch.manual_seed(seed)
    return Predictor(build_detector(config), config, CLASSES, device="cpu", shown_from=0.0)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return model()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (5, 7, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels).resize((70, 50), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number}.png")
    return folder


def test_results_are_reported_and_on_disk(
    predictor: Predictor, photos: Path, tmp_path: Path
) -> None:
    (photos / "2.png").write_bytes(b"no image")
    seen: list[tuple[str, int, int]] = []
    said: list[str] = []

    def watch(one: Outcome, done: int, total: int) -> None:
        seen.append((type(one).__name__, done, total))

    out = tmp_path / "out"
    report = predict_files(
        predictor, [photos], out, max_dets=3, on_image=watch, say=said.append, save=["coco"]
    )
    assert (report.images, report.kept, report.objects) == (3, 0, 9)
    assert list(report.unreadable) == [str(photos / "2.png")]
    assert report.seconds > 0
    assert [kind for kind, _, _ in seen] == ["Result", "Result", "Unreadable", "Result"]
    assert [(done, total) for _, done, total in seen] == [(n, 4) for n in range(1, 5)]
    assert said[0] == "images: PNG, axes YXS, uint8: RGB; 8 bits as they are"
    assert len(said) == 2 and "D02" in said[1]
    content = json.loads((out / "predictions.json").read_text())
    assert len(content["images"]) == 3 and len(content["annotations"]) == 9
    assert not (out / "overlay").exists()
    assert (out / FOLDER).exists()  # an image is left to be done


def test_a_stopped_run_goes_on_with_the_same_request_only(
    predictor: Predictor, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Writer.write
    options = PredictOptions(max_dets=2)

    def failing(self: Writer, result: Any, name: str) -> dict[str, Any]:
        if name == "2":
            raise RelookError("R02", "no space left")
        return write(self, result, name)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "write", failing)
        with pytest.raises(RelookError, match="R02: no space left"):
            predict_files(predictor, [photos], out, options)
    for other, request in (
        (predictor, options.with_(score=0.5)),
        (predictor, options.with_(tta="flip")),
        (model(seed=1), options),
        (predictor.first_stages(2), options),
    ):
        with pytest.raises(UsageError, match="U04: --resume"):
            predict_files(other, [photos], out, request, resume=True)
    report = predict_files(predictor, [photos], out, options.with_(batch_size=2), resume=True)
    assert report.images == 4 and report.kept >= 2
    assert report.objects == 8
    assert not (out / FOLDER).exists()


def test_nothing_is_written_without_a_folder(
    predictor: Predictor, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcomes: list[Outcome] = []
    report = predict_files(
        predictor, [photos / "0.png"], None, on_image=lambda one, *_: outcomes.append(one)
    )
    assert report.images == 1 and not isinstance(outcomes[0], Unreadable)
    assert report.objects == len(outcomes[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]
    with pytest.raises(UsageError, match="U04: resume"):
        predict_files(predictor, [photos], None, resume=True)


def test_what_cannot_be_is_refused_before_the_work(
    predictor: Predictor, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="U01: save"):
        predict_files(predictor, [photos], out, save=["mask"])
    with pytest.raises(UsageError, match="U04: save panoptic"):
        predict_files(predictor, [photos], out, save=["panoptic"])
    boxes = {
        "cascade__masks": False,
        "cascade__hybrid__interleaved": False,
        "cascade__hybrid__mask_flow": False,
    }
    with pytest.raises(UsageError, match="U04: save masks"):
        predict_files(model(**boxes), [photos], out, save=["masks"])
    with pytest.raises(DataError, match="D01"):
        predict_files(predictor, [tmp_path / "gone.png"], out)
    with pytest.raises(UsageError, match="U02: unknown option"):
        predict_files(predictor, [photos], out, scor=0.5)  # type: ignore[call-arg]
    assert not out.exists()


def test_a_digest_is_of_what_a_model_computes_with() -> None:
    first, again, other = model(), model(), model(seed=1)
    assert digest_of(first) == digest_of(again) != digest_of(other)
    with torch.no_grad():
        next(again.detector.parameters()).view(-1)[0] += 1e-3
    assert digest_of(again) != digest_of(first)
    assert digest_of(first.first_stages(1)) != digest_of(first)
