"""The figure of three models on one photograph: what is chosen, judged, said, and drawn."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.config.presets import preset
from relook.evaluation.ground_truth import GroundTruth, truth_of
from relook.ops.rle import encode_window
from relook.weights.file import save_model

from ..narrow_models import FEW_TO_DETECT, NUT_AND_BOLT, detector_of, narrow_config

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from paper import crowd, crowd_figure  # noqa: E402
from paper.crowd import Found  # noqa: E402

SIZE = (400, 400)
FEW = {**FEW_TO_DETECT, "input__size": (128, 128)}


def box_mask(x: int, y: int, width: int, height: int) -> Any:
    return encode_window(np.ones((height, width), bool), x, y, SIZE)


def truth(*boxes: tuple[int, tuple[int, int, int, int]]) -> GroundTruth:
    """Annotated rectangles (x, y, width, height), each with the id of its image."""
    objects = tuple(
        {
            "id": number, "image_id": image, "category_id": 1, "iscrowd": 0,
            "area": box[2] * box[3], "bbox": list(box), "segmentation": box_mask(*box),
        }
        for number, (image, box) in enumerate(boxes, start=1)
    )  # fmt: skip
    return GroundTruth("made", {1: SIZE, 2: SIZE}, {1: "mushroom"}, objects, True, {})


def found(row: str = "htc", mask_ap: float = 0.5, **changes: Any) -> Found:
    made = Found(row, "htc-tiny", 0, 240, 2.0, 0.4, mask_ap, [], [])
    return replace(made, **changes)


def test_the_most_huddled_image_and_window_are_chosen() -> None:
    apart = [(1, (x, 10, 20, 20)) for x in range(0, 400, 40)]
    pair = [(2, (300, 300, 40, 40)), (2, (310, 310, 40, 40)), (2, (20, 20, 30, 30))]
    image_id, window = crowd.choose(truth(*apart, *pair))
    assert image_id == 2
    assert window == (96, 96, 96 + crowd.SIDE, 96 + crowd.SIDE)  # the first with both of the pair
    below = (2, (190, 370, 20, 20))
    assert crowd.choose(truth(*apart, *pair, below))[1][:2] == (96, 128)


def test_a_mask_fits_from_an_iou_on_and_an_object_has_one() -> None:
    annotated = truth((1, (0, 0, 100, 100)), (1, (200, 200, 100, 100)), (2, (0, 0, 100, 100)))
    masks = [
        box_mask(0, 0, 100, 100),
        box_mask(0, 0, 100, 90),  # the same object once more
        box_mask(200, 200, 100, 76),
        box_mask(300, 0, 20, 20),
    ]
    judged = crowd_figure.judge(annotated, 1, found(scores=[0.9, 0.8, 0.7, 0.6], masks=masks))
    assert judged.fits == [True, False, True, False]
    assert judged.objects == {1, 2}
    less = [*masks[:2], box_mask(200, 200, 100, 74), masks[3]]
    judged = crowd_figure.judge(annotated, 1, found(scores=[0.9, 0.8, 0.7, 0.6], masks=less))
    assert judged.fits == [True, False, False, False]


def test_the_words_say_which_is_higher() -> None:
    models = [found(), found("fast-dsc", 0.523), found("full-dsc", 0.489)]
    said = crowd_figure.ranked(models)
    assert "Fast DSC is 2.3 points above HTC and DSC is 1.1 points below HTC." in said
    assert "show nothing in general" in said
    assert "DSC is level with HTC." in crowd_figure.ranked([found(), found("full-dsc", 0.5001)])


def test_what_models_find_is_written_and_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = {
        "row": "x", "seed": 0, "steps": 240, "images": 480, "minutes": 2.04, "memory": None,
        "on": "cpu", "metrics": {"box": {"ap": 0.41234}, "mask": {"ap": 0.52341}},
    }  # fmt: skip
    models = {"htc": "htc-tiny", "fast-dsc": "fast-dsc-tiny", "full-dsc": "dsc-tiny"}
    for row, name in models.items():
        place = tmp_path / f"{row}-seed0"
        (place / "run").mkdir(parents=True)
        (place / "numbers.json").write_text(json.dumps(numbers))
        config = narrow_config(name, num_classes=2, **FEW)
        save_model(place / "run/best.safetensors", detector_of(config), config, NUT_AND_BOLT)
    out = tmp_path / "found.json"
    assert crowd.main([str(tmp_path), "--out", str(out)]) == 0
    written = crowd.read(out)
    assert [(one.row, one.model) for one in written.models] == list(models.items())
    assert {one.mask_ap for one in written.models} == {0.5234}
    assert written.command.startswith("python -m paper.crowd ")
    assert capsys.readouterr().out.count("mask AP 52.3") == 3
    (tmp_path / "htc-seed0/numbers.json").unlink()
    assert crowd.main([str(tmp_path), "--out", str(out)]) == 3
    assert "Run relook ablate to its end first." in capsys.readouterr().err


def test_the_stored_masks_are_those_of_the_chosen_photograph() -> None:
    stored, index = crowd.read(), crowd.validation()
    image_id, window = crowd.choose(truth_of(index))
    record = next(one for one in index.images if one.id == image_id)
    assert (stored.photograph, stored.window) == (record.path.name, window)
    rows = [one.row for one in stored.models]
    assert rows[0] == "htc" and "full-dsc" in rows
    assert len({one.steps for one in stored.models}) == 1
    for one in stored.models:
        preset(one.model)
        assert len(one.scores) == len(one.masks) > 0
        assert min(one.scores) >= stored.score and one.scores == sorted(one.scores, reverse=True)
        assert {tuple(mask["size"]) for mask in one.masks} == {(record.height, record.width)}


def test_the_figure_has_all_models_and_their_numbers() -> None:
    html = crowd_figure.shown()
    assert html.count("<img ") == 1 + len(crowd.read().models)
    for one in crowd.read().models:
        name, ap = crowd.MODELS[one.row], f"{100 * one.mask_ap:.1f}"
        cells = re.search(rf'<th scope="row">{name}</th><td>{ap}</td><td>', html)
        assert cells is not None
        assert f"<figcaption>{name}</figcaption>" in html
        assert f"trained once for {one.steps} steps" in html


def test_another_photograph_is_refused() -> None:
    stored = replace(crowd.read(), photograph="another.jpg")
    with pytest.raises(Exception, match=r"D03.*another\.jpg.*python -m paper\.crowd"):
        crowd_figure.shown(stored)
