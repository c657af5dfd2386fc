"""Objects of another size than the model knows: accuracy as images come, and by `--diameter auto`.

Run `OMP_NUM_THREADS=1 python benchmarks/other_sizes.py` in the root of the repository. The images
of a COCO set are resized with their masks, cut, or put together, into temporary COCO sets, and each
set is evaluated twice:

- `x 0.33` to `x 3`: every image resized. As the default scales every image to fit the network
  input, this alone changes the pixels, and hardly the size of the objects in the input.
- `middle third`: the middle of each image, a third of its sides: objects are three times larger in
  the network input.
- `mosaic`: each image four times, mirrored at the seams: objects are half as large in the input.
- `discs of N`: drawn scenes of pale-centred discs N pixels across, as blood cells look in bright
  field, on 640 x 480 pixels. No model was trained on them.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Unpack

import cv2
import numpy as np
from ending import errors_in_words
from numpy.typing import NDArray
from PIL import Image

from relook.data.coco.reader import CocoIndex, read_coco
from relook.data.coco.segmentation import rasterised
from relook.data.images import Pixels, read_image
from relook.evaluation.run import evaluate_model
from relook.inference.options import OptionChanges, PredictOptions
from relook.inference.predictor import DEFAULTS, Predictor
from relook.inference.preprocess import ImageSource
from relook.inference.results import Result
from relook.model_files import find_model
from relook.ops.rle import encode_mask
from relook.runtime.files import write_text
from relook.weights.file import load_model

FACTORS = (0.33, 0.5, 2.0, 3.0)
DISCS = {60: 40, 95: 27, 140: 12}  # pixels across -> discs in a scene
SCENES = 6
LEAST = 8  # pixels of an object that is kept; smaller ones are dropped from truth and counted

Scene = tuple[Pixels, list[NDArray[np.bool_]]]
Change = Callable[[Pixels, list[NDArray[np.bool_]]], Scene]


class Scored(NamedTuple):
    """One evaluation."""

    ap: float
    ap50: float
    f1: float
    images_per_second: float
    scales: list[float]  # times the scale without a diameter


class Watched(Predictor):
    """A predictor that keeps the scales it used, over those without a diameter."""

    scales: list[float]

    def stream(
        self,
        images: Iterable[ImageSource],
        options: PredictOptions = DEFAULTS,
        **changes: Unpack[OptionChanges],
    ) -> Generator[Result, None, None]:
        """As `Predictor.stream`."""
        self.scales = []
        long, short = self.config.input.size
        for result in super().stream(images, options, **changes):
            own = min(long / max(result.size), short / min(result.size))
            self.scales.append(1.0 if result.scale is None else result.scale.factor / own)
            yield result


def scenes_of(index: CocoIndex, every: int) -> Iterator[Scene]:
    """Each image of `index` with its masks, or only one of `every` so many."""
    for record in index.images[::every]:
        size = (record.height, record.width)
        masks = [
            rasterised(thing.segmentation, *size)
            for thing in record.objects
            if thing.segmentation is not None and not thing.is_crowd
        ]
        yield read_image(record.path), masks


def resizing(factor: float) -> Change:
    """Resize an image and its masks by `factor`."""

    def changed(image: Pixels, masks: list[NDArray[np.bool_]]) -> Scene:
        size = tuple(max(1, round(side * factor)) for side in (image.shape[1], image.shape[0]))
        method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        smaller = [
            cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST).view(bool)
            for mask in masks
        ]
        return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8), smaller

    return changed


def middle_third(image: Pixels, masks: list[NDArray[np.bool_]]) -> Scene:
    """Cut the middle out, a third of each side."""
    rows, columns = image.shape[0] // 3, image.shape[1] // 3
    window = np.s_[rows : 2 * rows, columns : 2 * columns]
    return np.ascontiguousarray(image[window]), [np.ascontiguousarray(m[window]) for m in masks]


def mosaic(image: Pixels, masks: list[NDArray[np.bool_]]) -> Scene:
    """Put four of the image together, mirrored at the seams, where cut objects become whole."""
    height, width = image.shape[:2]
    together = np.pad(image, ((0, height), (0, width), (0, 0)), mode="symmetric")
    parts = [np.pad(mask, ((0, height), (0, width))) for mask in masks]
    found = []
    for part in parts:
        copies = [part, part[::-1], part[:, ::-1], part[::-1, ::-1]]
        for copy in copies:
            whole = [i for i, other in enumerate(found) if (_grown(other) & copy).any()]
            if whole and _touches_seam(copy):
                found[whole[0]] = found[whole[0]] | copy
            else:
                found.append(copy)
    return together, found


def _touches_seam(mask: NDArray[np.bool_]) -> bool:
    row, column = mask.shape[0] // 2, mask.shape[1] // 2
    return bool(mask[row - 1 : row + 1].any() or mask[:, column - 1 : column + 1].any())


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cv2.dilate(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)


def discs(across: int, count: int, seed: int) -> Scene:
    """A scene of `count` discs of about `across` pixels, which touch but hardly overlap."""
    random, height, width = np.random.default_rng(seed), 480, 640
    image = np.full((height, width, 3), (232, 222, 226), dtype=np.float32)
    rows, columns = np.mgrid[:height, :width]
    placed: list[tuple[float, float, float]] = []
    masks = []
    for _ in range(20_000):
        radius = across / 2 * random.uniform(0.88, 1.12)
        x, y = random.uniform(radius, width - radius), random.uniform(radius, height - radius)
        if any(math.hypot(x - a, y - b) < 0.92 * (radius + c) for a, b, c in placed):
            continue
        placed.append((x, y, radius))
        inside = np.hypot(columns - x, rows - y) / radius
        edge = np.clip((1 - inside) * radius / 1.5, 0, 1)[..., None]
        pale = 45 * np.clip(1 - (inside / 0.45) ** 2, 0, 1)[..., None]
        image = image * (1 - edge) + (np.array((205, 130, 140), dtype=np.float32) + pale) * edge
        masks.append(inside <= 1)
        if len(placed) == count:
            break
    noisy = np.clip(image + random.normal(0, 4, image.shape), 0, 255)
    return np.asarray(cv2.GaussianBlur(noisy, (0, 0), 1.0), dtype=np.uint8), masks


def write_set(folder: Path, scenes: Iterable[Scene], name: str) -> CocoIndex:
    """Write `scenes` as PNG and a COCO file whose one class is called `name`."""
    images, annotations, dropped = [], [], 0
    (folder / "images").mkdir(parents=True)
    for number, (image, masks) in enumerate(scenes, start=1):
        file = f"{number}.png"
        Image.fromarray(image).save(folder / "images" / file)
        height, width = image.shape[:2]
        images.append({"id": number, "file_name": file, "width": width, "height": height})
        for mask in masks:
            if mask.sum() < LEAST:
                dropped += bool(mask.any())
                continue
            annotations.append(_annotation(len(annotations) + 1, number, mask))
    if dropped:
        print(f"{folder.name}: {dropped} objects under {LEAST} pixels left out", file=sys.stderr)
    categories = [{"id": 1, "name": name}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_text(folder / "truth.json", json.dumps(content))
    return read_coco(folder / "truth.json", folder / "images")


def _annotation(number: int, image: int, mask: NDArray[np.bool_]) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    box = [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]
    common = {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0}
    return {**common, "bbox": box, "area": int(mask.sum()), "segmentation": encode_mask(mask)}


def scored(model: Watched, index: CocoIndex, options: PredictOptions) -> Scored:
    """Evaluate `model` on `index`."""
    found = evaluate_model(
        model, index, options, max_dets=model.config.cascade.select.max_detections
    )
    mask, counting = found.metrics.mask, found.metrics.counting
    assert mask is not None
    f1 = float("nan") if counting is None else counting.f1
    return Scored(mask.ap, mask.ap50, f1, found.images_per_second, model.scales)


def cases(index: CocoIndex, every: int, only: list[str]) -> Iterator[tuple[str, Iterable[Scene]]]:
    """Name and scenes of every set, or of those named in `only`."""
    changes: dict[str, Change] = {"as it is": lambda image, masks: (image, masks)}
    changes |= {f"x {factor:g}": resizing(factor) for factor in FACTORS}
    changes |= {"middle third": middle_third, "mosaic": mosaic}
    for name, change in changes.items():
        if not only or name in only:
            yield name, (change(*scene) for scene in scenes_of(index, every))
    for across, count in DISCS.items():
        if not only or "discs" in only:
            scenes = range(0, SCENES, every)
            yield f"discs of {across}", (discs(across, count, seed) for seed in scenes)


def row(name: str, index: CocoIndex, plain: Scored, auto: Scored) -> str:
    """One line of the table."""
    moved = [scale for scale in auto.scales if not math.isclose(scale, 1, rel_tol=0.02)]
    scales = f"{len(moved)} of {len(auto.scales)}"
    if moved:
        scales += f", {min(moved):.2g} to {max(moved):.2g}"
    cells = [
        name,
        f"{len(index.images)} / {index.num_objects}",
        *(f"{one.ap:.3f} / {one.ap50:.3f} / {one.f1:.3f}" for one in (plain, auto)),
        scales,
        *(f"{one.images_per_second:.2f}" for one in (plain, auto)),
    ]
    return f"| {' | '.join(cells)} |"


@errors_in_words
def main(arguments: Sequence[str]) -> int:
    """Print the table as Markdown, row by row."""
    parser = argparse.ArgumentParser(description="Measure objects of other sizes.")
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--data", type=Path, default=Path("datasets/nuclei"))
    parser.add_argument("--every", type=int, default=1, help="one image of so many, for less time")
    parser.add_argument("--only", nargs="*", default=[], help="names of rows; discs for those")
    given = parser.parse_args(arguments)
    model = Watched.of(load_model(find_model(given.model)), device="cpu")
    assert isinstance(model, Watched)
    index = read_coco(given.data / "annotations/instances_val.json", given.data / "images")
    heads = "images", "images / objects", "default: AP / AP50 / F1", "auto: AP / AP50 / F1"
    print(f"| {' | '.join(heads)} | other scale | default, images/s | auto, images/s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for name, scenes in cases(index, given.every, given.only):
            changed = write_set(Path(folder) / name, scenes, model.classes[0].name)
            plain = scored(model, changed, DEFAULTS)
            auto = scored(model, changed, PredictOptions(diameter="auto"))
            print(row(name, changed, plain, auto), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
