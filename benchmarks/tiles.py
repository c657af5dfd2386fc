"""How objects of tiles are merged best: relook's rule beside those of others, on three mosaics.

`python benchmarks/tiles.py` lays validation images side by side, so that the truth is known,
predicts the tiles of each mosaic once, merges these detections by every rule, and prints one table
of F1 at a mask IoU of 0.5, at the score from which the model shows objects:

- relook: `relook.inference.tiles.merge`;
- suppression by masks, by IoU and by intersection over the smaller, at 0.5, of all detections;
- supervision's `InferenceSlicer` as it is by default (boxes, IoU 0.5), asked for the same tiles
  (`pip install .[peers]`);
- sahi's default, `GreedyNMMPostprocess` with intersection over the smaller at 0.5, where sahi is
  installed (`pip install --no-deps sahi shapely`, in an environment of its own: the whole of sahi
  brings another OpenCV);
- one pass over the whole mosaic.

`--picture FILE` writes the picture of docs/large-images.md in place of the table.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import relook
from relook.data.coco.reader import object_mask, read_coco
from relook.data.compose.scene import Scene, compose_image
from relook.data.compose.sources import Source, read_materials
from relook.data.images import open_image, read_image
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.tiles.grid import Grid
from relook.inference.tiles.large import LargeImage
from relook.inference.tiles.merge import merge_tiles
from relook.inference.tiles.objects import TileObjects
from relook.inference.tiles.rule import Tiling
from relook.inference.tiles.work import TileWork
from relook.ops.rle import decode_runs
from relook.ops.runs import Runs, runs_window, window_runs
from relook.training.run_folder import environment

DATA = Path(__file__).resolve().parents[1] / "datasets"
Pixels = NDArray[np.uint8]


class Mosaic(NamedTuple):
    """A picture, the masks of all objects in it, and the model that finds them."""

    name: str
    model: str
    picture: Pixels
    truth: list[Runs]


class Objects(NamedTuple):
    """What a rule leaves."""

    masks: Sequence[Runs]
    scores: NDArray[np.float32]


def laid(name: str, model: str, cells: Sequence[tuple[Pixels, Sequence[Any]]]) -> Mosaic:
    """A square mosaic of as many square cells of one size, each with the masks of its objects."""
    columns = int(len(cells) ** 0.5)
    side = cells[0][0].shape[0]
    picture = np.zeros((columns * side, columns * side, 3), dtype=np.uint8)
    truth = []
    for place, (pixels, masks) in enumerate(cells[: columns * columns]):
        top, left = place // columns * side, place % columns * side
        picture[top : top + side, left : left + side] = pixels
        truth += [window_runs(np.asarray(m, bool), left, top, len(picture)) for m in masks]
    return Mosaic(name, model, picture, truth)


def of_images(name: str, side: int, count: int) -> Mosaic:
    """The first `count` validation images of `side` pixels of a data set."""
    index = read_coco(DATA / name / "annotations" / "instances_val.json", DATA / name / "images")
    images = [image for image in index.images if (image.height, image.width) == (side, side)]
    cells = []
    for image in images[:count]:
        objects = [thing for thing in image.objects if not thing.is_crowd]
        cells.append((read_image(image.path), [object_mask(o, side, side) for o in objects]))
    return laid(name, name, cells)


def of_scenes(count: int, side: int = 256) -> Mosaic:
    """Scenes composed of nuclei of the validation images, with exact masks of what is visible."""
    root = DATA / "nuclei"
    source = Source(root / "annotations" / "instances_val.json", root / "images")
    materials = read_materials([source], any_licence=False, other_than=set())
    scene = Scene(side=side, objects=(10, 30))
    cells = []
    for number in range(count):
        composed = compose_image(materials, scene, np.random.default_rng([0, number]))
        masks = []
        for piece, part in zip(composed.pieces, composed.visible, strict=True):
            mask = np.zeros((side, side), dtype=bool)
            mask[piece.top : piece.top + part.shape[0], piece.left : piece.left + part.shape[1]] = (
                part
            )
            masks.append(mask)
        cells.append((composed.pixels, masks))
    return laid("composed scenes", "nuclei", cells)


def f1(found: Objects, truth: Sequence[Runs]) -> float:
    """F1 at a mask IoU of 0.5; each detection, the best first, takes the free object that it
    overlaps most."""
    areas = np.array([mask.area for mask in truth])
    starts = np.array([mask.starts[0] for mask in truth])
    ends = np.array([mask.ends[-1] for mask in truth])
    free = np.ones(len(truth), dtype=bool)
    for row in np.argsort(-found.scores, kind="stable").tolist():
        mask = found.masks[row]
        if not len(mask.starts):
            continue
        close = np.flatnonzero(free & (starts < mask.ends[-1]) & (ends > mask.starts[0]))
        shared = np.array([mask.shared(truth[place]) for place in close])
        ious = shared / (areas[close] + mask.area - shared)
        if len(close) and ious.max() >= 0.5:
            free[close[int(ious.argmax())]] = False
    return 2 * int((~free).sum()) / max(1, len(truth) + len(found.masks))


def even_grid(size: tuple[int, int], tiling: Tiling) -> Grid:
    """The grid of `tiling`, its side a little larger where needed for steps of whole pixels."""
    for side in range(tiling.side, size[0]):
        grid = Grid(size, side, tiling.overlap)
        steps = grid.tile(1).left
        if (size[0] - side) % steps == 0 and all(t.left % steps == 0 for t in grid.tiles()):
            return grid
    raise ValueError("no grid of whole steps")


def by_masks(parts: Sequence[TileObjects], measure: str) -> Objects:
    """Suppression of all detections, the best first, at 0.5 of `measure`: iou or smaller."""
    masks = [mask for part in parts for mask in part.masks or ()]
    scores = np.concatenate([part.scores for part in parts])
    boxes = np.concatenate([part.extents for part in parts])
    areas = np.array([mask.area for mask in masks])
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        rivals = boxes[kept].reshape(-1, 4)
        low = np.maximum(rivals[:, :2], boxes[row, :2])
        is_close = (np.minimum(rivals[:, 2:], boxes[row, 2:]) > low).all(axis=1)
        for other in np.array(kept, dtype=int)[is_close].tolist():
            shared = masks[row].shared(masks[other])
            union = areas[row] + areas[other] - shared
            least = union if measure == "iou" else min(areas[row], areas[other])
            if shared > 0.5 * least:
                break
        else:
            kept.append(row)
    return Objects([masks[row] for row in kept], scores[kept])


def by_supervision(picture: Pixels, parts: Sequence[TileObjects], grid: Grid) -> Objects:
    """The slicer of supervision, which is given the detections of the tile that it shows."""
    import supervision as sv

    masks = [mask for part in parts for mask in part.masks or ()]
    scores = np.concatenate([part.scores for part in parts])
    first = np.cumsum([0, *(len(part) for part in parts)])
    known = {}
    for number, part in enumerate(parts):
        tile = grid.tile(part.tile)
        shown = np.ascontiguousarray(picture[tile.top : tile.bottom, tile.left : tile.right])
        known[shown.tobytes()] = number, part, tile

    def callback(shown: Pixels) -> Any:
        number, part, tile = known[np.ascontiguousarray(shown).tobytes()]
        if not len(part):
            return sv.Detections.empty()
        corner = np.array([tile.left, tile.top] * 2)
        rows = np.arange(first[number], first[number + 1])
        return sv.Detections(
            (part.boxes - corner).clip(0, grid.side),
            None,
            part.scores,
            part.labels.astype(int),
            data={"row": rows},
        )

    steps = grid.tile(1).left
    slicer = sv.InferenceSlicer(callback, slice_wh=grid.side, overlap_wh=grid.side - steps)
    rows = slicer(picture).data["row"].astype(int)
    return Objects([masks[row] for row in rows], scores[rows])


def by_sahi(parts: Sequence[TileObjects], size: tuple[int, int]) -> Objects | None:
    """The default merging of sahi; None where sahi is not installed."""
    try:
        from sahi.postprocess.combine import GreedyNMMPostprocess
        from sahi.prediction import ObjectPrediction
    except ImportError:
        return None
    import cv2

    given = []
    for part in parts:
        for row, runs in enumerate(part.masks or ()):
            window, left, top = runs_window(runs, size[0])
            outlines, _ = cv2.findContours(
                window.astype(np.uint8),
                cv2.RETR_EXTERNAL,
                cv2.CHAIN_APPROX_NONE,
                offset=(left, top),
            )
            polygons = [line.reshape(-1).tolist() for line in outlines if len(line) >= 3]
            if polygons:
                given.append(
                    ObjectPrediction(
                        bbox=part.extents[row].tolist(),
                        category_id=0,
                        category_name="object",
                        segmentation=polygons,
                        score=float(part.scores[row]),
                        full_shape=list(size),
                    )
                )
    merge = GreedyNMMPostprocess(match_threshold=0.5, match_metric="IOS", class_agnostic=False)
    left_over = merge(given)
    masks = []
    for one in left_over:
        mask = np.zeros(size, dtype=np.uint8)
        lines = [np.array(p).reshape(-1, 2).round().astype(np.int32) for p in one.mask.segmentation]
        cv2.fillPoly(mask, lines, 1)
        masks.append(window_runs(mask.astype(bool), 0, 0, size[0]))
    return Objects(masks, np.array([one.score.value for one in left_over], dtype=np.float32))


def one_pass(model: Predictor, picture: Pixels) -> Objects:
    """The mosaic as a whole."""
    result = model.predict(picture, tile="off")
    return Objects([decode_runs(mask) for mask in result.masks or ()], result.scores)


def compare(mosaic: Mosaic, side: int | None) -> dict[str, float | None]:
    """F1 of every rule."""
    model = relook.load(mosaic.model, device="cpu")
    options = model.resolved(PredictOptions(tile=side))
    size = (mosaic.picture.shape[0], mosaic.picture.shape[1])
    work = TileWork(model, options)
    grid = even_grid(size, work.tiling)
    large = LargeImage(open_image(mosaic.picture), grid, None)
    started = time.perf_counter()
    parts = sorted(work.objects(large), key=lambda part: part.tile)
    print(
        f"{mosaic.name}: {size[1]}x{size[0]} pixels, {len(mosaic.truth)} objects, "
        f"{len(grid)} tiles of {grid.side} that share {grid.side - grid.tile(1).left}; "
        f"{time.perf_counter() - started:.0f} s",
        file=sys.stderr,
    )
    merged = merge_tiles(parts, grid)
    rules: dict[str, Callable[[], Objects | None]] = {
        "relook": lambda: Objects(merged.masks or (), merged.scores),
        "suppression by masks, IoU": lambda: by_masks(parts, "iou"),
        "suppression by masks, over the smaller": lambda: by_masks(parts, "smaller"),
        "supervision, `InferenceSlicer`": lambda: by_supervision(mosaic.picture, parts, grid),
        "sahi, default": lambda: by_sahi(parts, size),
        "one pass": lambda: one_pass(model, mosaic.picture),
    }
    found = {}
    for name, rule in rules.items():
        objects = rule()
        found[name] = None if objects is None else f1(objects, mosaic.truth)
    return found


def write_picture(path: Path) -> None:
    """A mosaic as one pass and as tiles find it, side by side."""
    mosaic = of_images("nuclei", 256, 36)
    model = relook.load(mosaic.model, device="cpu")
    sheet = Image.new("RGB", (1210, 600), "white")
    for place, tile in enumerate(("off", "auto")):
        result = model.predict(mosaic.picture, tile=tile)
        print(f"tile={tile}: {len(result)} objects of {len(mosaic.truth)}")
        side = mosaic.picture.shape[0]
        drawn = result.draw(text=False, legend=False).resize((side, side))
        sheet.paste(drawn.resize((600, 600), Image.Resampling.LANCZOS), (610 * place, 0))
    sheet.save(path, quality=85)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tile", type=int, help="pixels; by default as relook chooses them")
    parser.add_argument("--small", action="store_true", help="mosaics of four images each")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.picture:
        write_picture(options.picture)
        return 0
    counts = (4, 4, 4) if options.small else (49, 9, 16)
    mosaics = [
        of_images("nuclei", 256, counts[0]),
        of_images("mushrooms", 640, counts[1]),
        of_scenes(counts[2]),
    ]
    columns = [compare(mosaic, options.tile) for mosaic in mosaics]
    print(f"| rule | {' | '.join(f'{m.name} ({len(m.truth)})' for m in mosaics)} |")
    print("| --- | ---: | ---: | ---: |")
    for rule in columns[0]:
        values = [column[rule] for column in columns]
        cells = ["not installed" if value is None else f"{value:.3f}" for value in values]
        print(f"| {rule} | {' | '.join(cells)} |")
    print(json.dumps(environment()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
