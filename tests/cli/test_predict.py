"""``relook predict``, from the sources to the files."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tifffile
from PIL import Image
from pycocotools import mask as coco_mask
from typer.testing import Result

from relook.inference.batch import shared_sources
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.views import TTA
from relook.ops.rle import decode_window
from relook.weights.file import load_model, save_model

Run = Callable[..., Result]


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_folder_gives_overlays_and_one_json(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = relook("predict", pictures, "--model", run_folder, "--out", out, "--score", 0.01)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    expected = ["overlay/a.jpg", "overlay/b.jpg", "overlay/more/a.jpg", "predictions.json"]
    assert names(out) == expected
    found = json.loads((out / "predictions.json").read_text())
    assert [i["file_name"] for i in found["images"]] == [
        str(pictures / name) for name in ("a.png", "b.jpg", "more/a.png")
    ]
    assert [i["files"] for i in found["images"]] == [[file] for file in (
        "overlay/a.jpg", "overlay/b.jpg", "overlay/more/a.jpg",
    )]  # fmt: skip
    assert [(i["width"], i["height"]) for i in found["images"]] == [(60, 50), (60, 50), (40, 45)]
    assert found["categories"] == [{"id": 1, "name": "nut"}, {"id": 2, "name": "bolt"}]
    assert [a["id"] for a in found["annotations"]] == [*range(1, len(found["annotations"]) + 1)]
    assert f"{len(found['annotations'])} objects in 3 images" in result.stderr
    assert str(out) in result.stderr
    for one in found["annotations"]:
        assert one["category_id"] in {1, 2}
        assert one["area"] == coco_mask.area(one["segmentation"])


def test_masks_number_the_objects(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = ["--save", "masks, coco", "--score", "0", "--out", out, "--max-dets", 5]
    assert relook("predict", pictures / "a.png", "-m", run_folder, *options).exit_code == 0
    assert names(out) == ["masks/a.json", "masks/a.png", "predictions.json"]
    with Image.open(out / "masks" / "a.png") as image:
        numbers = np.asarray(image).astype(int)
    assert numbers.shape == (50, 60)
    index = json.loads((out / "masks" / "a.json").read_text())
    assert index["file"] == str(pictures / "a.png")
    assert [o["number"] for o in index["objects"]] == [1, 2, 3, 4, 5]
    coco = json.loads((out / "predictions.json").read_text())["annotations"]
    expected = np.zeros((50, 60), int)
    for row in reversed(range(5)):
        window, left, top = decode_window(coco[row]["segmentation"])
        height, width = window.shape
        expected[top : top + height, left : left + width][window] = row + 1
        assert index["objects"][row]["category_id"] == coco[row]["category_id"]
        assert index["objects"][row]["visible_pixels"] == (numbers == row + 1).sum()
    assert (numbers == expected).all()
    assert (numbers > 0).any()


def test_json_lines_and_nothing_else(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = names(tmp_path)
    result = relook("predict", pictures, "--model", run_folder, "--json", "--score", "0")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["source"] for line in lines] == [
        str(pictures / name) for name in ("a.png", "b.jpg", "more/a.png")
    ]
    assert all(len(one["box"]) == 4 and "mask" in one for line in lines for one in line["objects"])
    assert names(tmp_path) == before


def test_unreadable_images_are_named_and_counted(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "bad.png").write_bytes(b"nothing")
    whole = (pictures / "b.jpg").read_bytes()
    (pictures / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    result = relook("predict", pictures, "-m", run_folder, "-o", out, "--json")
    assert result.exit_code == 3
    assert result.stderr.count("data error D02") == 2
    assert "2 images could not be read" in result.stderr
    assert len(json.loads((out / "predictions.json").read_text())["images"]) == 3
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len([line for line in lines if "error" in line]) == 2
    assert len([line for line in lines if "objects" in line]) == 3


def scores(relook: Run, *arguments: object) -> list[float]:
    result = relook("predict", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return [o["score"] for line in result.stdout.splitlines() for o in json.loads(line)["objects"]]


def test_objects_below_the_score_are_left_out(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    everything = scores(relook, pictures, "-m", run_folder, "--score", "0")
    low, high = sorted(set(everything))[len(set(everything)) // 2 :][:2]
    middle = (low + high) / 2
    expected = [score for score in everything if score > middle]
    assert 0 < len(expected) < len(everything)
    assert scores(relook, pictures, "-m", run_folder, "--score", middle) == expected
    model = load_model(run_folder / "best.safetensors")
    stored = tmp_path / "stored.safetensors"
    save_model(stored, model.detector, model.config, model.classes, {"shown_from": middle})
    assert scores(relook, pictures, "-m", stored) == expected
    assert len(scores(relook, pictures / "a.png", "-m", run_folder, "--max-dets", 2)) == 2


def test_boxes_only(relook: Run, box_model: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["predict", pictures, "-m", box_model, "-o", out, "--score", "0"]
    assert relook(*arguments).exit_code == 0
    one = json.loads((out / "predictions.json").read_text())["annotations"][0]
    assert "segmentation" not in one
    assert one["area"] == pytest.approx(one["bbox"][2] * one["bbox"][3])
    result = relook(*arguments, "--save", "masks")
    assert result.exit_code == 2
    assert "U04" in result.stderr


def test_results_among_the_pictures_are_not_pictures(
    relook: Run, run_folder: Path, pictures: Path
) -> None:
    for _ in range(2):
        result = relook("predict", pictures, "-m", run_folder, "-o", pictures / "found")
        assert "in 3 images" in result.stderr


def test_options_reach_the_predictor(
    relook: Run,
    run_folder: Path,
    box_model: Path,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    seen: list[PredictOptions] = []
    outcomes = Predictor.outcomes

    def watched(self: Predictor, images: Any, options: PredictOptions, **more: Any) -> Any:
        seen.append(options)
        return outcomes(self, images, options, **more)

    monkeypatch.setattr(Predictor, "outcomes", watched)
    options = ["--size", 128, 96, "--batch", 2, "--device", "cpu", "--max-dets", 4, "--tta", "flip"]
    options += ["--tile", "off", "--agnostic"]
    relook("predict", pictures, "-m", run_folder, "-o", tmp_path / "out", *options)
    relook("predict", pictures, "-m", box_model, "-o", tmp_path / "out")
    given = PredictOptions(
        size=(128, 96),
        score=0.05,
        max_dets=4,
        batch_size=2,
        tta=TTA(flip=True),
        tile="off",
        agnostic=True,
    )
    assert seen == [given, PredictOptions(score=0.3)]


def test_ctrl_c_keeps_what_is_done(
    relook: Run, run_folder: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outcomes = Predictor.outcomes

    def interrupted(self: Predictor, images: Any, options: PredictOptions, **more: Any) -> Any:
        yield next(outcomes(self, images, options, **more))
        raise KeyboardInterrupt

    monkeypatch.setattr(Predictor, "outcomes", interrupted)
    result = relook("predict", pictures, "-m", run_folder, "-o", tmp_path / "out")
    assert result.exit_code == 130
    assert "R01: interrupted after 1 of 3 images" in result.stderr
    assert len(json.loads((tmp_path / "out" / "predictions.json").read_text())["images"]) == 1


def test_archives_and_videos_and_what_is_left_out(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        archive.write(pictures / "a.png", "a.png")
    (pictures / "notes.txt").write_text("x")
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
    sources = [tmp_path / "scans.zip", tmp_path / "film.mp4", pictures]
    result = relook("predict", *sources, "-m", run_folder, "--json", "--every", 2, "--frames", 2)
    assert result.exit_code == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    names = [line["source"].removeprefix(f"{tmp_path}/") for line in lines]
    assert names[:3] == ["scans.zip/a.png", "film.mp4#000000", "film.mp4#000002"]
    assert len(names) == 6
    assert [line.get("time") for line in lines[:4]] == [None, 0.0, 0.2, None]
    assert "left out: 1 .txt\n" in result.stderr
    assert "in 6 images" in result.stderr
    result = relook("predict", pictures, "-m", run_folder, "--json", "--every", 2)
    assert result.exit_code == 2 and "U04: --every and --frames" in result.stderr


def test_sources_are_listed_once(
    relook: Run, run_folder: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Any] = []
    find = shared_sources.find_sources

    def watched(*arguments: Any, **options: Any) -> Any:
        listed.append(arguments)
        return find(*arguments, **options)

    monkeypatch.setattr(shared_sources, "find_sources", watched)
    result = relook("predict", pictures / "a.png", "-m", run_folder, "--json", "--max-dets", 1)
    assert result.exit_code == 0 and len(listed) == 1
    assert "1 object in 1 image, " in result.stderr


@pytest.mark.parametrize(
    ("change", "code", "exit_code"),
    [
        (["gone.png"], "D01", 3),
        (["no/*.png"], "D01", 3),
        (["--save", "overlays"], "did you mean 'overlay'", 2),
        (["--model", "htc-tiny"], "M01", 4),
        (["--model", "gone.safetensors"], "D01", 3),
        (["--device", "gpu"], "U03", 2),
        (["--device", "cuda:77"], "R04", 1),
        (["--size", "10", "20"], "U03", 2),
        (["--score", "2"], "--score", 2),
        (["--max-dets", "0"], "--max-dets", 2),
        (["--skore", "0.2"], "--skore", 2),
    ],
)
def test_mistakes_are_one_clear_line(
    relook: Run,
    run_folder: Path,
    pictures: Path,
    tmp_path: Path,
    change: list[str],
    code: str,
    exit_code: int,
) -> None:
    arguments = ["predict", pictures, "-m", run_folder, "-o", tmp_path / "out", *change]
    result = relook(*arguments)
    assert result.exit_code == exit_code
    assert code in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_an_image_is_cut_into_tiles_where_that_is_asked_for(
    relook: Run, run_folder: Path, tmp_path: Path
) -> None:
    big = tmp_path / "big.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)).save(big)
    out = tmp_path / "out"
    options = ["-m", run_folder, "--score", 0, "--tile"]
    assert relook("predict", big, *options, 96, "-o", out).exit_code == 0
    tiled = json.loads((out / "predictions.json").read_text())["annotations"]
    assert len(tiled) > 10  # which is what the model has at most in a tile
    assert all(a["segmentation"]["size"] == [150, 200] for a in tiled)
    assert relook("predict", big, *options, "off", "-o", out).exit_code == 0
    assert len(json.loads((out / "predictions.json").read_text())["annotations"]) == 10
    bad = relook("predict", big, *options, "some", "-o", out)
    assert bad.exit_code == 2 and "U03: tile: expected auto, off or a number" in bad.stderr


def test_a_shrunk_image_is_told_once(relook: Run, run_folder: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((500, 500, 3), np.uint8)).save(tmp_path / name)
    result = relook("predict", tmp_path, "-m", run_folder, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.count("500x500 pixels are seen at 0.19 of their size") == 1
    assert "--tile 64 (tile=64)" in result.stderr


def test_the_scale_is_said_and_stored(
    relook: Run, run_folder: Path, pictures: Path, annotations: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copy(run_folder / "best.safetensors", tmp_path / "own.safetensors"))
    source = pictures / "a.png"
    without = relook("predict", source, "-m", model, "--json", "--diameter", 12)
    assert without.exit_code == 4
    assert "M04" in without.stderr and "relook weights sizes MODEL --json" in without.stderr
    data = ("--json", annotations, "--images", pictures)
    stored = relook("weights", "sizes", model, *data)
    assert stored.exit_code == 0 and "6 training objects" in stored.stderr
    result = relook("predict", source, "-m", model, "--json", "--diameter", 12)
    sizes = load_model(model).sizes
    assert sizes is not None and (sizes.count, sizes.basis) == (6, "masks")
    record = json.loads(result.stdout)
    assert record["scale"]["factor"] == pytest.approx(sizes.median / 12, abs=1e-4)
    assert record["scale"]["diameter"] == 12
    assert "objects 12 pixels across, as given, are" in result.stderr
    several = relook("predict", pictures, "-m", model, "--json", "--diameter", "auto")
    assert all("scale" in json.loads(line) for line in several.stdout.splitlines())
    assert "3 images scaled by" in several.stderr
    both = relook("predict", source, "-m", model, "--diameter", 12, "--size", 64, 64)
    assert both.exit_code == 2 and "U04: size and diameter" in both.stderr


def test_sizes_are_stored_in_ones_own_files_only(
    relook: Run, pictures: Path, annotations: Path, tmp_path: Path
) -> None:
    data = ("--json", annotations, "--images", pictures)
    assert "comes with relook" in relook("weights", "sizes", "nuclei", *data).stderr
    (tmp_path / "theirs.pth").write_bytes(b"")
    other = relook("weights", "sizes", tmp_path / "theirs.pth", *data)
    assert other.exit_code == 2 and "relook weights import" in other.stderr


def test_images_of_instruments_are_said_to_be_read_as_they_are(
    relook: Run, run_folder: Path, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a", "b"):
        stack = random.integers(500, 1400, (3, 50, 60)).astype(np.uint16)
        tifffile.imwrite(folder / f"{name}.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    values = np.full((50, 60), np.nan, np.float32)
    values[:25] = 7
    tifffile.imwrite(folder / "nan.tif", values)
    two = random.integers(0, 255, (2, 50, 60), dtype=np.uint8)
    tifffile.imwrite(folder / "two.tif", two, photometric="minisblack")
    out = tmp_path / "out"
    result = relook("predict", folder, "--model", run_folder, "--out", out)
    assert result.exit_code == 3
    words = " ".join(result.stderr.split())
    line = "images: ImageJ TIFF, axes ZYX, uint16: brightest of 3 z planes (--z max); grey; perc"
    assert words.count(line) == 1
    assert "two.tif has 2 pages or time points" in words
    assert "--page 0 to --page 1" in words
    assert "NaN or infinite: 1500 values in 1 image;" in words
    result = relook(
        *("predict", folder / "a.tif", "-m", run_folder, "--json", "--z", "mean"),
        *("--intensities", "0:4095"),
    )
    assert result.exit_code == 0
    found = json.loads(result.stdout)["image"]
    assert found["used"] == "mean of 3 z planes (--z mean); grey; values 0 to 4095 become 0 to 255"
    assert (found["axes"], found["dtype"]) == ("ZYX", "uint16")
    assert relook("predict", folder, "-m", run_folder, "--channels", "red").exit_code == 2
