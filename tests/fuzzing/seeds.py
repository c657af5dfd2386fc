"""Well-formed inputs, from which mutations start: a few kilobytes each, made when asked for."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections import OrderedDict, defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import tifffile
import torch
import yaml
from PIL import Image

from relook.data.coco.reader import Category
from relook.weights.file import save_model

from ..interop.their_configs import write_tree
from ..narrow_models import detector_of, narrow_config

Seeds = tuple[bytes, ...]
HEIGHT, WIDTH = 12, 16
POLYGON = [2, 2, 9, 2, 9, 8, 2, 8]
RUNS = {"size": [HEIGHT, WIDTH], "counts": [26, 4, 8, 4, 150]}
CODE = {"size": [HEIGHT, WIDTH], "counts": "j0480^4"}


def pixels(channels: int = 3) -> np.ndarray[Any, Any]:
    """A ramp (12, 16, channels) uint8."""
    values = np.arange(HEIGHT * WIDTH * channels) % 251
    return values.reshape(HEIGHT, WIDTH, channels).astype(np.uint8)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def coco() -> Seeds:
    """Annotations of each kind, of images with and without a size."""
    images = [
        {"id": 1, "file_name": "a.png", "height": HEIGHT, "width": WIDTH},
        {"id": 2, "file_name": "a.png"},
    ]
    box = [2.0, 2.0, 7.0, 6.0]
    rest = {"bbox": box, "area": 42, "iscrowd": 0}
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 3, "segmentation": [POLYGON], **rest},
        {"id": 2, "image_id": 2, "category_id": 5, "segmentation": CODE, **rest},
        {**rest, "id": 3, "image_id": 1, "category_id": 3, "segmentation": RUNS, "iscrowd": 1},
    ]
    categories = [{"id": 3, "name": "cell"}, {"id": 5, "name": "drop", "supercategory": "x"}]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    boxes = [{k: v for k, v in one.items() if k != "segmentation"} for one in annotations]
    cut = [{"id": 1, "file_name": "cut.png"}]
    turned = [{"id": 1, "file_name": "turned.jpg", "width": 6, "height": 8}]
    return (
        _json({"info": {"version": "1"}, "licenses": [], **whole}),
        _json({**whole, "annotations": boxes}),
        _json({**whole, "images": cut, "annotations": annotations[:1]}),
        _json({**whole, "images": turned, "annotations": annotations[:1]}),
    )


def panoptic() -> Seeds:
    """A panoptic file of one image with two segments."""
    segments = [
        {"id": 1, "category_id": 1, "bbox": [0, 0, 8, 12], "area": 96, "iscrowd": 0},
        {"id": 2, "category_id": 2, "bbox": [8, 0, 8, 12], "area": 96, "iscrowd": 0},
    ]
    annotation = {"image_id": 1, "file_name": "map.png", "segments_info": segments}
    categories = [
        {"id": 1, "name": "cell", "isthing": 1, "supercategory": "x", "color": [1, 2, 3]},
        {"id": 2, "name": "ground", "isthing": 0},
    ]
    images = [{"id": 1, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}]
    return (_json({"images": images, "annotations": [annotation], "categories": categories}),)


def panoptic_map() -> Seeds:
    """The map of `panoptic`."""
    ids = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    ids[:, :8, 0], ids[:, 8:, 0] = 1, 2
    return (_saved(Image.fromarray(ids), "PNG"),)


def label_maps() -> Seeds:
    """Maps of labels in one byte."""
    return (_saved(Image.fromarray(pixels(1)[..., 0] % 3), "PNG"),)


def stuff_labels() -> Seeds:
    """A table of the labels of stuff."""
    rows = [{"id": 92, "name": "sky", "isthing": 0}, {"id": 93, "name": "sea", "isthing": 0}]
    return (_json({"categories": rows, "labels": {"0": 92, "1": 93}}),)


def predictions() -> Seeds:
    """COCO results with each kind of mask, and without."""
    first = {"image_id": 1, "category_id": 3, "bbox": [2.0, 2.0, 7.0, 6.0], "score": 0.9}
    return (
        _json([{**first, "segmentation": CODE}, {**first, "segmentation": RUNS, "score": 0.3}]),
        _json([first]),
        _json([{**first, "segmentation": [POLYGON]}]),
    )


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png() -> Seeds:
    """PNG files of several modes."""
    image = Image.fromarray(pixels())
    return (
        _saved(image, "PNG"),
        _saved(Image.fromarray(pixels(4)), "PNG"),
        _saved(image.quantize(8), "PNG"),
        _saved(Image.fromarray(pixels(1)[..., 0].astype(np.uint16) * 200), "PNG"),
        _saved(image.convert("1"), "PNG"),
    )


def images() -> Seeds:
    """One image of each other format."""
    image, exif = Image.fromarray(pixels()), Image.Exif()
    exif[0x0112] = 6
    found = [
        _saved(image, "JPEG", exif=exif),
        _saved(image.convert("L"), "JPEG"),
        _saved(image.convert("CMYK"), "JPEG"),
        _saved(image, "JPEG", progressive=True),
        _saved(image, "GIF", save_all=True, append_images=[image.rotate(90)]),
        *(_saved(image, form) for form in ("BMP", "WEBP", "PPM", "JPEG2000", "TGA")),
        _saved(image, "WEBP", lossless=True),
    ]
    if "AVIF" in Image.SAVE:
        found.append(_saved(image, "AVIF"))
    for array in (pixels(), pixels(1)[..., 0].astype(np.float32), pixels(2).astype(">u2")):
        stream = io.BytesIO()
        np.save(stream, array)
        found.append(stream.getvalue())
    return tuple(found)


def tiff() -> Seeds:
    """TIFF files of instruments: pages, tiles, types, compressions, metadata."""
    grey = pixels(1)[..., 0]
    stack = np.stack([grey, grey, grey])
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (pixels(), {"photometric": "rgb"}),
        (pixels(), {"photometric": "rgb", "compression": "zlib", "predictor": True}),
        (grey.astype(np.uint16), {"compression": "lzw"}),
        (grey.astype(np.float32), {"tile": (16, 16)}),
        (stack, {"imagej": True, "metadata": {"axes": "ZYX", "unit": "um"}}),
        (stack.astype(np.uint16), {"ome": True, "metadata": {"axes": "CYX"}}),
        (stack, {"photometric": "rgb", "planarconfig": "separate"}),
        (grey.astype(np.int16), {"bigtiff": True}),
        (grey, {"byteorder": ">", "compression": "packbits"}),
        (pixels(4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    ]
    found = [_saved(Image.fromarray(grey > 100), "TIFF", compression="group4")]
    for values, options in kinds:
        stream = io.BytesIO()
        tifffile.imwrite(stream, values, **options)
        found.append(stream.getvalue())
    return tuple(found)


def archives() -> Seeds:
    """ZIP archives of images."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", png()[0])
        archive.writestr("in/b.jpg", images()[0])
        archive.writestr("notes.txt", "x")
    return (stream.getvalue(),)


@cache
def videos() -> Seeds:
    """Films of six frames; none where PyAV is not installed."""
    try:
        import av
    except ImportError:
        return ()
    found = []
    for suffix, codec in (("mp4", "mpeg4"), ("avi", "mjpeg"), ("mkv", "mpeg4")):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"a.{suffix}"
            with av.open(str(path), "w") as container:
                stream: Any = container.add_stream(codec, rate=5)
                stream.width, stream.height = 32, 32
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                for level in range(6):
                    frame = np.full((32, 32, 3), level * 40, np.uint8)
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
                container.mux(stream.encode())
            found.append(path.read_bytes())
    return tuple(found)


def _state() -> OrderedDict[str, torch.Tensor]:
    shared = torch.arange(24.0)
    return OrderedDict(
        {
            "conv.weight": shared.reshape(2, 3, 2, 2),
            "conv.bias": shared[:4].half(),
            "bn.count": torch.tensor(7),
            "view": shared[2:8].reshape(2, 3).t(),
        }
    )


def _checkpoints(*, zipped: bool) -> Seeds:
    meta = {
        "CLASSES": ("a", "b"),
        "epoch": 3,
        "np": np.float64(0.5),
        "array": np.arange(3.0),
        "dict": defaultdict(int, a=1),
        "path": Path("x"),
        "set": {1, 2},
        "bytes": b"\xff\0",
        "dtype": np.dtype("<f4"),
        "size": torch.Size([1]),
    }
    found = []
    for content in (_state(), {"state_dict": _state()}, {"meta": meta, "state_dict": _state()}):
        stream = io.BytesIO()
        torch.save(content, stream, _use_new_zipfile_serialization=zipped)
        found.append(stream.getvalue())
    return tuple(found)


def zipped_checkpoints() -> Seeds:
    """Files of torch.save as it writes them today."""
    return _checkpoints(zipped=True)


def legacy_checkpoints() -> Seeds:
    """Files of torch.save as it wrote them before PyTorch 1.6."""
    return _checkpoints(zipped=False)


def foreign_safetensors() -> Seeds:
    """Tensors in safetensors, by another program."""
    state = {name: value.clone().contiguous() for name, value in _state().items()}
    return (safetensors.torch.save(state, {"format": "pt"}),)


@cache
def model_files() -> Seeds:
    """Model files of relook, as narrow as they can be."""
    narrow = {
        "backbone__width": 16,
        "pyramid__channels": 4,
        "cascade__box_hidden": 4,
        "cascade__mask_channels": 4,
        "num_classes": 1,
        "semantic": None,
    }
    found = []
    for name in ("htc-tiny", "detectors-htc-tiny"):
        config = narrow_config(name, **narrow)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m.safetensors"
            classes = [Category(1, "cell")]
            save_model(path, detector_of(config), config, classes, {"shown_from": 0.3}, half=True)
            found.append(path.read_bytes())
    return tuple(found)


SETTINGS = {
    "format": 1,
    "model": {"preset": "htc-tiny", "num_classes": 3, "backbone": {"width": 16}},
    "schedule": "1x",
    "train": {"epochs": 3, "lr": 0.01, "batch": 2, "augment": {"flip": 0.5}, "minutes": 2.5},
    "data": {"train_json": "a.json", "train_images": "b", "val_json": None},
}


def settings() -> Seeds:
    """Configurations of a training."""
    small = {key: value for key, value in SETTINGS.items() if key != "schedule"}
    return (
        yaml.safe_dump(small, sort_keys=False).encode(),
        b"train: {epochs: 3 , step_epochs: [ 2 , 3 ] }\nmodel: htc-tiny\nschedule: 20e\n",
    )


def assignments() -> Seeds:
    """The texts of `--set`, one a line."""
    return (b"train.epochs= 3 \nmodel.backbone.width= 16 \ntrain.lr= 0.01 \nbatch= 2 ",)


def rows() -> Seeds:
    """Rows of an ablation."""
    row = {"model": "htc-tiny", "set": {"model.backbone.width": 16, "train.lr": 0.1}}
    return (yaml.safe_dump({"rows": {"plain": row, "other": {"model": "htc-tiny"}}}).encode(),)


def mirrors() -> Seeds:
    """The file of mirrors."""
    return (b"mirrors:\n - https://mirror.example/m \n - https://a.example/=https://b.example/ \n",)


def mmdet_configs() -> Seeds:
    """Configurations in the words of MMDetection, as one text each."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for version in (2, 3):
            tree = write_tree(Path(folder) / str(version), version)
            found += [path.read_bytes() for path in sorted(tree.rglob("*.py"))]
    return tuple(found)


def metrics_lines() -> Seeds:
    """The records of a training."""
    lines = (
        {"step": 1, "epoch": 0, "loss": 2.0, "lr": 0.01, "stage0.mask": 0.5},
        {"step": 2, "epoch": 1, "mask": {"ap": 0.1}, "ap": 0.1, "minutes": 0.1},
    )
    return (b"".join(_json(line) + b"\n" for line in lines),)


def numbers() -> Seeds:
    """The result of one job of an ablation."""
    metrics = {"box": {"ap": 0.1}, "mask": {"ap": 0.2, "ap50": 0.4}}
    content = {"row": "a", "seed": 0, "metrics": metrics, "steps": 3, "images": 6}
    content |= {"minutes": 0.1, "memory": None, "on": "cpu"}
    return (_json(content), _json({"row": "a", "seed": 0, "diverged": "at step 3"}))


def plan() -> Seeds:
    """The plan of an ablation."""
    return (_json({"format": 1, "rows": {"a": SETTINGS}, "files": {"a.json": "ab" * 32}}),)


def journal() -> Seeds:
    """Lines of a journal of predictions."""
    found = {"bbox": [1.0, 1.0, 3.0, 3.0], "score": 0.5, "category_id": 3, "segmentation": CODE}
    record = {
        "source": "a.png",
        "name": "a",
        "stamp": [100, 5],
        "count": 1,
        "file_name": "a.png",
        "width": WIDTH,
        "height": HEIGHT,
        "objects": [{"area": 9.0, "iscrowd": 0, **found}],
    }
    failed = {"source": "b.png", "name": "b", "stamp": None, "count": 0, "error": "D02"}
    return (_json(record) + b"\n" + _json(failed) + b"\n",)
