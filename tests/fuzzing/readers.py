"""The readers that are attacked, by name: what each is given, and how it is called.

A reader joins by one line of `READERS`. It gets a file of its own, and a folder with the files of
`beside`, and must return or raise a `RelookError` with a short message.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from relook.ablation.plan import Plan
from relook.ablation.rows import read_rows
from relook.ablation.running import Job, checked_numbers
from relook.config.presets import preset
from relook.data.coco.reader import object_mask, read_coco
from relook.data.images import Reading, open_image, stored_size
from relook.data.panoptic.labels import StuffLabels
from relook.data.panoptic.png import read_ids
from relook.data.panoptic.reader import read_map, read_panoptic
from relook.data.semantics import read_semantic_map
from relook.data.sources.finding import find_sources
from relook.data.sources.stored import StoredImage
from relook.errors import RelookError
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.files import read_predictions
from relook.evaluation.ground_truth import read_ground_truth
from relook.evaluation.submission.check import check_submission
from relook.inference.batch.coco_json import write_predictions
from relook.inference.batch.journal import FOLDER, Journal, read_records
from relook.inference.writers.stored_results import result_of
from relook.interop.checkpoint.reading import read_checkpoint
from relook.interop.importing import import_checkpoint
from relook.interop.mmdet_config.carrying_over import carry_over
from relook.interop.mmdet_config.mmdet_config import read_mmdet_config
from relook.interop.zoo.mirrors import addresses
from relook.training.run_folder import RunFolder
from relook.training.settings import Overlay, parse_assignments, read_overlay, resolve
from relook.weights.file import load_model

from . import checkpoints, mutation, requests, seeds
from .label_formats import label_formats

SIZES: Final = {1: (seeds.HEIGHT, seeds.WIDTH), 2: (seeds.HEIGHT, seeds.WIDTH), 3: (8, 6)}


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader under attack."""

    suffix: str
    seeds: Callable[[], seeds.Seeds]
    mutations: tuple[mutation.Mutation, ...]  # by structure; bytes are changed for every reader
    read: Callable[[Path, Path], object]  # of a file and the folder of what stands beside it


def beside(folder: Path) -> None:
    """Write the files that inputs name: images, a map, annotations."""
    Image.fromarray(seeds.pixels()).save(folder / "a.png")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:30])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(seeds.pixels()[:6, :8]).save(folder / "turned.jpg", exif=exif)
    (folder / "map.png").write_bytes(seeds.panoptic_map()[0])
    (folder / "truth.json").write_bytes(seeds.coco()[0])


def _coco(path: Path, folder: Path) -> None:
    index = read_coco(path, folder, check_files=False)
    index.summary()
    for image in index.images:
        for thing in image.objects:
            if thing.segmentation is not None:
                object_mask(thing, image.height, image.width)
    read_ground_truth(path, index.annotated_sizes())


def _panoptic(path: Path, folder: Path) -> None:
    for image in read_panoptic(path, folder, folder).images:
        read_map(image)


def _predictions(path: Path, folder: Path) -> None:
    rows = read_predictions(path, SIZES)
    truth = read_ground_truth(folder / "truth.json", SIZES)
    evaluate_coco(truth, rows)


def _submission(path: Path, folder: Path) -> None:
    check_submission(path, read_coco(folder / "truth.json", folder))


def _image(path: Path, _: Path) -> None:
    for reading in (Reading(), Reading(page=0, channels=(0,), intensities="type")):
        try:
            stored_size(path, reading)
            with open_image(path, reading) as image:
                height, width = image.size
                _ = image.info
                image.native_window(0, 0, min(height, 4), min(width, 4))
                image.read()
        except RelookError:
            continue


def _source(path: Path, _: Path) -> None:
    with find_sources([path]) as found:
        for image in found.images[:8]:
            if isinstance(image, StoredImage):
                image.stamp()
                image.load()


def _video(path: Path, _: Path) -> None:
    with find_sources([path], frames=3) as found:
        for image in found.images[:3]:
            if isinstance(image, StoredImage):
                image.load()


def _checkpoint(path: Path, _: Path) -> None:
    checkpoint = read_checkpoint(path)
    json.dumps(checkpoint.meta)
    for tensor in checkpoint.state.values():
        tensor.numpy().sum()
    import_checkpoint(path, with_digest=False)


def _settings(path: Path, _: Path) -> None:
    data = Overlay(data={"train_json": "a.json", "train_images": "b"})
    resolve([data, read_overlay(path)], preset_name="htc-tiny").to_yaml()


def _assignments(path: Path, _: Path) -> None:
    data = Overlay(data={"train_json": "a.json", "train_images": "b"})
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    resolve([data, parse_assignments(lines)], preset_name="htc-tiny")


def _rows(path: Path, folder: Path) -> None:
    data = Overlay(
        data={"train_json": "a.json", "train_images": "b", "val_json": str(folder / "truth.json")}
    )
    for row in read_rows(path):
        resolve([data, row.overlay()], preset_name=row.model)


def _mirrors(path: Path, folder: Path) -> None:
    home = folder / "cache"
    home.mkdir(exist_ok=True)
    (home / "mirrors.yaml").write_bytes(path.read_bytes())
    addresses("https://a.example/m/x.pth", home)


def _mmdet(path: Path, _: Path) -> None:
    base = preset("htc-r50")
    carry_over(read_mmdet_config(path).values, base)


def _run(path: Path, _: Path) -> None:
    run = RunFolder(path.parent)
    path.replace(run.metrics)
    run.forget_after(1)
    run.write_table()
    run.rows()


def _plan(path: Path, folder: Path) -> None:
    home = folder / "ablation"
    home.mkdir(exist_ok=True)
    (home / "plan.json").write_bytes(path.read_bytes())
    Plan({}, 1).start(home, resume=True)


def _numbers(path: Path, folder: Path) -> None:
    (folder / "job").mkdir(exist_ok=True)
    (folder / "job" / "numbers.json").write_bytes(path.read_bytes())
    checked_numbers(folder, Job("row", 0, "job", ""))


def _journal(path: Path, folder: Path) -> None:
    home = folder / "out" / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    (home / "0.jsonl").write_bytes(path.read_bytes())
    (home / "settings.json").write_bytes(path.read_bytes().split(b"\n")[0])
    journal = Journal(folder / "out")
    lines = journal.lines(with_objects=True)
    found = [line for line in lines.values() if line.error is None]
    classes = read_coco(folder / "truth.json", folder).classes
    for record in read_records(found):
        result_of(record, classes)
    write_predictions(folder / "p.json", lambda: read_records(found), classes)
    journal.begin({"model": "x"}, resume=True)


_BYTES, _JSON = (), (mutation.of_json,)
_YAML = (mutation.of_yaml, mutation.of_yaml)
READERS: Final[dict[str, Reader]] = {
    "coco": Reader(".json", seeds.coco, _JSON, _coco),
    "panoptic": Reader(".json", seeds.panoptic, _JSON, _panoptic),
    "panoptic-map": Reader(
        ".png", seeds.panoptic_map, (mutation.of_png,), lambda p, _: read_ids(p, SIZES[1])
    ),
    "label-map": Reader(
        ".png", seeds.label_maps, (mutation.of_png,), lambda p, _: read_semantic_map(p, SIZES[1], 3)
    ),
    "stuff-labels": Reader(
        ".json", seeds.stuff_labels, _JSON, lambda p, _: StuffLabels.named(str(p))
    ),
    "predictions": Reader(".json", seeds.predictions, _JSON, _predictions),
    "submission": Reader(".json", seeds.predictions, _JSON, _submission),
    "png": Reader(".png", seeds.png, (mutation.of_png,), _image),
    "image": Reader(".bin", seeds.images, _BYTES, _image),
    "tiff": Reader(".tif", seeds.tiff, (mutation.of_tiff,), _image),
    "archive": Reader(".zip", seeds.archives, (checkpoints.of_zip,), _source),
    "video": Reader(".bin", seeds.videos, _BYTES, _video),
    "checkpoint": Reader(".pth", seeds.zipped_checkpoints, (checkpoints.of_zip,), _checkpoint),
    "legacy-checkpoint": Reader(
        ".pth", seeds.legacy_checkpoints, (checkpoints.of_legacy,), _checkpoint
    ),
    "safetensors": Reader(
        ".safetensors", seeds.foreign_safetensors, (checkpoints.of_safetensors,), _checkpoint
    ),
    "model": Reader(
        ".safetensors",
        seeds.model_files,
        (checkpoints.of_safetensors,) * 4,
        lambda p, _: load_model(p),
    ),
    "settings": Reader(".yaml", seeds.settings, _YAML, _settings),
    "assignments": Reader(".txt", seeds.assignments, _YAML, _assignments),
    "rows": Reader(".yaml", seeds.rows, _YAML, _rows),
    "mirrors": Reader(".yaml", seeds.mirrors, _YAML, _mirrors),
    "mmdet-config": Reader(".py", seeds.mmdet_configs, (mutation.of_python,), _mmdet),
    "run-folder": Reader(".jsonl", seeds.metrics_lines, (mutation.of_json_lines,), _run),
    "plan": Reader(".json", seeds.plan, _JSON, _plan),
    "numbers": Reader(".json", seeds.numbers, _JSON, _numbers),
    "request": Reader(".bin", requests.requests, _BYTES, requests.answer),
    "journal": Reader(".jsonl", seeds.journal, (mutation.of_json_lines,), _journal),
}
READERS.update(
    {f"labels-{name}": Reader(*kind) for name, *kind in label_formats()}
)  # those of other tools
