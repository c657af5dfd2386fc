"""What a worker can be asked to measure. Every case gives a dictionary that JSON can hold."""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import Tensor

import relook
from relook.data.coco.reader import Category
from relook.inference.results import Result
from relook.ops import nms as suppression
from relook.structures.detection import Detections
from relook.weights.file import save_model

from . import loads, weights
from .contender import Contender
from .operations import Answer, rate, sac
from .stopwatch import Stopwatch, replaced

CATEGORIES = 100  # names for made-up classes


def about(contender: Contender) -> Answer:
    """Versions and what the process found."""
    return {
        "relook": relook.__version__,
        "file": relook.__file__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.is_available(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "features": contender.features(),
    }


def calibrate(contender: Contender, model: str, height: int, width: int) -> Answer:
    """Write realistic weights of `model` for the photograph at (height, width)."""
    config = contender.config(model)
    image = loads.image_batch("photograph", height, width, 1, config)
    with Contender("plain", contender.folder).mode():  # where every layer runs as itself
        detector, load = weights.realistic_detector(config, image)
    save_file(detector.state_dict(), contender.folder / f"{model}.safetensors")
    return {
        "proposals pooled from P2 to P5": load.levels(),
        "stem and first stage equal in all looks": weights.frozen_look_is_shared(detector),
    }


def detect(
    contender: Contender,
    model: str,
    height: int,
    width: int,
    *,
    image: str = "photograph",
    batch: int = 1,
    max_detections: int | None = None,
    changes: dict[str, Any] | None = None,
    save: str | None = None,
    paste: bool = True,
    device: str = "cpu",
    precision: str = "float32",
    compiled: bool = False,
) -> Answer:
    """Seconds of detecting: ``seconds`` in all, of which ``suppression``; ``paste`` after it.

    ``candidates`` are the pairs of box and class that reached the last suppression. With `save`
    the detections of the first image are left in the folder.
    """
    detector, config = contender.detector(model, "detect", changes=changes, device=device)
    images = loads.image_batch(image, height, width, batch, config).to(device)
    if compiled and not hasattr(detector.features, "_orig_mod"):
        detector.features = torch.compile(detector.features)
    watch, counts = Stopwatch(), []
    watched = _watched_suppression(watch, counts)
    with torch.inference_mode(), replaced(watched), _precision(device, precision):
        started = time.perf_counter()
        with watch.part("network"):
            found = detector.detect(images, max_detections=max_detections)
            _wait(device)
        seconds = time.perf_counter() - started
        with watch.part("paste"):
            for one in found if paste else ():
                Result.from_detections(one, None, made_up_classes(config.num_classes))
    if save is not None:
        fields = ("boxes", "scores", "labels", "mask_probabilities", "size")
        torch.save({name: getattr(found[0], name) for name in fields}, contender.folder / save)
    return {
        "seconds": seconds,
        "suppression": watch.seconds.get("suppression", 0.0),
        "network": watch.seconds["network"],
        "paste": watch.seconds["paste"],
        "candidates": sum(counts),
        "detections": sum(len(one) for one in found),
    }


def _watched_suppression(watch: Stopwatch, counts: list[int]) -> dict[Any, Any]:
    """Both suppressions, booked; the last one also says how many candidates it is given."""
    last = watch.watched(suppression.suppress_classes, "suppression")

    def counted(boxes: Tensor, scores: Tensor, **options: Any) -> Any:
        with watch.part("counting"):
            counts.append(int((scores > options["score_threshold"]).sum()))
        return last(boxes, scores, **options)

    return {
        suppression.suppress: watch.watched(suppression.suppress, "suppression"),
        suppression.suppress_classes: counted,
    }


def train(
    contender: Contender,
    model: str,
    side: int,
    *,
    batch: int = 2,
    objects: int = 10,
    checkpointing: bool = False,
    steps: int = 1,
    device: str = "cpu",
    precision: str = "float32",
) -> Answer:
    """Seconds of the last of `steps` steps: losses, gradients, a step of SGD with momentum.

    The images are the photograph with drawn objects. Every call starts from equal random numbers
    and a new optimiser whose rate is too small to change what follows.
    """
    detector, config = contender.detector(model, "train", device=device)
    if not contender.checkpointing(detector, checkpointing):
        return {"unavailable": "no checkpointing"}
    images = loads.image_batch("photograph", side, side, batch, config).to(device)
    targets = [loads.drawn_target(objects, side, config, seed=i).to(device) for i in range(batch)]
    trained = [p for p in detector.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=1e-12, momentum=0.9)
    detector.train()
    torch.manual_seed(0)
    losses: Any = {}
    for _ in range(steps):
        optimizer.zero_grad()
        _wait(device)
        started = time.perf_counter()
        with _precision(device, precision):
            losses = detector.loss(images, targets)
        total = torch.stack(list(losses.values())).sum()
        total.backward()
        optimizer.step()
        _wait(device)
        seconds = time.perf_counter() - started
    detector.eval()
    optimizer.zero_grad()
    return {"seconds": seconds, "loss": float(total.detach())}


def paste(_: Contender, count: int, height: int, width: int) -> Answer:
    """Seconds from `count` made-up detections on a (height, width) image to coded masks."""
    found = loads.made_up_detections(count, height, width, CATEGORIES)
    started = time.perf_counter()
    result = Result.from_detections(found, None, made_up_classes(CATEGORIES))
    return {"seconds": time.perf_counter() - started, "detections": len(result)}


def prepare(contender: Contender, model: str, purpose: Literal["detect", "train"]) -> Answer:
    """Make the detector."""
    contender.detector(model, purpose)
    return {}


def make_file(contender: Contender, model: str) -> Answer:
    """Write the model file that `load` reads; each side its own, as configurations have grown."""
    detector, config = contender.detector(model, "train")
    path = contender.model_file
    save_model(path, detector, config, made_up_classes(config.num_classes))
    contender.forget()
    return {"megabytes": path.stat().st_size / 1e6}


def load(contender: Contender) -> Answer:
    """Seconds of reading the bytes of `make_file`'s file, and of loading it as a predictor.

    The file lies in the page cache. ``first use`` is what the first prediction of a 96 x 96
    image takes longer than the second: work that loading put off.
    """
    path = contender.model_file
    image = loads.photograph(96, 96)
    started = time.perf_counter()
    content = path.read_bytes()
    reading = time.perf_counter() - started
    del content
    started = time.perf_counter()
    predictor = relook.load(path, device="cpu", **contender.predictor_options())
    loading = time.perf_counter() - started
    uses = []
    for _ in range(2):
        started = time.perf_counter()
        predictor.predict(image, size=(96, 96))
        uses.append(time.perf_counter() - started)
    return {"read": reading, "seconds": loading, "first use": max(uses[0] - uses[1], 0.0)}


def forget(contender: Contender) -> Answer:
    """Drop the kept detector."""
    contender.forget()
    return {}


CASES: dict[str, Callable[..., Answer]] = {
    "about": about,
    "calibrate": calibrate,
    "detect": detect,
    "forget": forget,
    "load": load,
    "make_file": make_file,
    "paste": paste,
    "prepare": prepare,
    "rate": rate,
    "sac": sac,
    "train": train,
}


def load_detections(path: Path) -> Detections:
    """What `detect` saved."""
    return Detections(**torch.load(path, weights_only=True))


def made_up_classes(count: int) -> list[Category]:
    """`count` classes with names."""
    return [Category(i + 1, f"class {i + 1}") for i in range(count)]


def _wait(device: str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


@contextlib.contextmanager
def _precision(device: str, precision: str) -> Iterator[None]:
    """float32, tf32 (float32 whose products may round), or autocast to float16 or bfloat16."""
    previous = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    tf32 = precision == "tf32"
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32
    kinds = {"float16": torch.float16, "bfloat16": torch.bfloat16}
    kind = torch.device(device).type
    try:
        with torch.autocast(kind, kinds.get(precision), enabled=precision in kinds):
            yield
    finally:
        torch.set_float32_matmul_precision(previous[0])
        torch.backends.cudnn.allow_tf32 = previous[1]
