"""How far ONNX files are from the models that they are made of, on real images.

    python benchmarks/onnx_parity.py [--only nuclei,dsc-tiny] [--images 5] [--ap [N]] [--crowd]
        [--quick]

Each model is exported to build/onnx (a file that is there is taken), and both find objects in five
images of the nuclei at two sizes, in a black image, and in a mosaic of 16 of them. `nuclei` and
`mushrooms` are trained; presets have random weights, whose objects mean nothing but are as many.
With --crowd `nuclei` is exported for 1000 objects an image, and all objects of one image are
compared that is made of crowded validation images at the size that the network sees them.
With --ap both are evaluated on the validation images of the nuclei (or the first N), and so is the
file in 16 bits. --quick exports without computing constants first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from relook.config.presets import preset  # noqa: E402
from relook.data.batching import batch_images  # noqa: E402
from relook.data.coco.reader import Category, read_coco  # noqa: E402
from relook.data.images.opening import read_image  # noqa: E402
from relook.data.resizing import resize_image, resized_size  # noqa: E402
from relook.evaluation.run import evaluate_model  # noqa: E402
from relook.export.comparison import EXACT, Difference, difference  # noqa: E402
from relook.export.reading import read_onnx  # noqa: E402
from relook.export.session import OnnxNetwork  # noqa: E402
from relook.export.writing import Image, compared, write_onnx  # noqa: E402
from relook.models.build import build_detector  # noqa: E402
from relook.ops.cpu.switch import plain  # noqa: E402
from relook.weights.file import SavedModel, load_model  # noqa: E402
from relook.weights.shipped import SHIPPED, shipped_file  # noqa: E402

NUCLEI = ROOT / "datasets" / "nuclei"
CROWD = 1920  # pixels along a side
MODELS = (
    "nuclei",
    "mushrooms",
    "htc-tiny",
    "htc-tiny-sac",
    "detectors-htc-tiny",
    "dsc-tiny",
    "fast-dsc-tiny",
    "cascade-r50",
)


def model_of(name: str) -> SavedModel:
    """The trained model of that name, or a preset with random weights; cascade-r50 is narrow."""
    if name in SHIPPED:
        return load_model(shipped_file(name))
    config = preset(name)
    if name == "cascade-r50":
        config = config.with_(
            num_classes=7,
            backbone__blocks=(1, 1, 1, 1),
            backbone__width=16,
            pyramid__channels=32,
            cascade__box_hidden=64,
            cascade__select__score_threshold=0.05,
            input__size=(512, 512),
        )
    torch.manual_seed(0)
    names = [Category(i + 1, f"class {i + 1}") for i in range(config.num_classes)]
    return SavedModel(build_detector(config).eval(), config, tuple(names), {})


def images_of(count: int) -> dict[str, list[Image]]:
    """Images by what they are: real ones at two sizes, a black one, one with many objects."""
    paths = sorted((NUCLEI / "images").iterdir())[:count]
    real = [read_image(path) for path in paths]
    tile = real[0]
    mosaic = np.tile(tile, (4, 4, 1))[:1024, :1024]
    return {
        "real": real,
        "real, upper left half": [image[: image.shape[0] // 2 + 7] for image in real],
        "black": [np.zeros((300, 400, 3), dtype=np.uint8)],
        "mosaic": [mosaic],
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(MODELS))
    parser.add_argument("--images", type=int, default=5)
    parser.add_argument("--ap", type=int, nargs="?", const=10**6)
    parser.add_argument("--crowd", type=int, nargs="?", const=CROWD, metavar="PIXELS")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    worst = 0
    for name in filter(None, options.only.split(",")):
        saved = model_of(name)
        path = ROOT / "build" / "onnx" / f"{name}.onnx"
        if not path.is_file():
            write_onnx(saved, path, optimize=not options.quick)
        network = OnnxNetwork(read_onnx(path), path)
        total = Difference()
        for what, images in images_of(options.images).items():
            apart = compared(saved, network, images)
            total = total.joined(apart)
            print(f"{name}, {what}: {apart.line()}", flush=True)
        worst += total.unmatched
        print(f"{name}, {path.stat().st_size / 1e6:.1f} MB: {total.line()}", flush=True)
    if options.crowd:
        report_crowd(options.crowd, optimize=not options.quick)
    if options.ap:
        report_ap(options.ap, optimize=not options.quick)
    print(f"{worst} objects without a counterpart")


def crowd(side: int, limits: tuple[int, int]) -> tuple[Image, int]:
    """A square image made of validation images, the most crowded first and each scaled to fit
    `limits`, and how many annotated objects are in it."""
    index = read_coco(NUCLEI / "annotations" / "instances_val.json", NUCLEI / "images")
    records = sorted(index.images, key=lambda record: -len(record.objects))
    canvas, count = np.zeros((side, side, 3), dtype=np.uint8), 0
    left = top = row = 0
    for record in records:
        image = read_image(NUCLEI / "images" / record.file_name)
        image = resize_image(image, resized_size(image.shape[0], image.shape[1], limits))
        if left + image.shape[1] > side:
            left, top, row = 0, top + row, 0
        if top + image.shape[0] > side or image.shape[1] > side:
            break
        canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
        left, row, count = (
            left + image.shape[1],
            max(row, image.shape[0]),
            count + len(record.objects),
        )
    return canvas, count


def report_crowd(side: int, *, optimize: bool) -> None:
    """All objects of a crowded image, by the model and by its file."""
    saved, path = model_of("nuclei"), ROOT / "build" / "onnx" / "nuclei-1000.onnx"
    if not path.is_file():
        write_onnx(saved, path, max_detections=1000, optimize=optimize)
    image, annotated = crowd(side, saved.config.input.size)
    network, score = OnnxNetwork(read_onnx(path), path), float(saved.extra["shown_from"])
    batch = batch_images([image], [(side, side)], *saved.config.input.normalisation)
    with plain(), torch.inference_mode():
        (ours,) = saved.detector.detect(batch, score_threshold=score, max_detections=1000)
    (theirs,) = network.detect([image], [(side, side)], score=score)
    gaps = np.abs(ours.arrays().boxes[:, None] - theirs.boxes[None]).max(axis=2).min(axis=1)
    print(
        f"crowd of {side}x{side} pixels, {annotated} objects annotated: {len(ours)} found by the "
        f"model, {len(theirs)} by the file; {difference(ours, theirs, score).line()}; "
        f"{(gaps > EXACT.box).sum()} boxes apart by more than {EXACT.box} px, the median by "
        f"{np.median(gaps):.1e} px",
        flush=True,
    )


def report_ap(limit: int, *, optimize: bool) -> None:
    """AP on the validation images of the nuclei: the model, its file, and its file in 16 bits."""
    from relook import load

    index = read_coco(NUCLEI / "annotations" / "instances_val.json", NUCLEI / "images")
    folder = ROOT / "build" / "onnx"
    half = folder / "nuclei-half.onnx"
    if not half.is_file():
        write_onnx(model_of("nuclei"), half, half=True, optimize=optimize)
    for source in ("nuclei", folder / "nuclei.onnx", half):
        metrics = evaluate_model(load(str(source), device="cpu"), index, limit=limit).metrics
        box, mask = metrics.box.ap, metrics.mask.ap if metrics.mask else None
        print(f"{Path(source).name}: box AP {box}, mask AP {mask}", flush=True)


if __name__ == "__main__":
    main()
