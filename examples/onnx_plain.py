"""Objects in an image by an ONNX file of `relook export`, with numpy and onnxruntime only.

    python examples/onnx_plain.py nuclei.onnx image.ppm objects.pgm

Reads a binary PPM, prints a line for each object, and writes a PGM with the number of the object at
each pixel. `detect` is all that another program needs.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

Array = np.ndarray[Any, Any]


def resize(image: Array, height: int, width: int) -> Array:
    """`image` (h, w) or (h, w, 3) at another size, bilinear between the middles of pixels."""
    for axis, count in ((0, height), (1, width)):
        places = (np.arange(count) + 0.5) * image.shape[axis] / count - 0.5
        low = np.floor(places).astype(int)
        share = (places - low).reshape([-1 if a == axis else 1 for a in range(image.ndim)])
        first, last = (np.clip(low + i, 0, image.shape[axis] - 1) for i in (0, 1))
        image = np.take(image, first, axis) * (1 - share) + np.take(image, last, axis) * share
    return image


def detect(session: Any, image: Array) -> tuple[Array, Array, list[str], Array | None]:
    """Boxes (N, 4) in pixels, scores, names and masks of `image` (H, W, 3) uint8, best first."""
    facts = session.get_modelmeta().custom_metadata_map
    long, short = json.loads(facts["long_and_short_side"])
    score, names = json.loads(facts["score"]) or 0.3, json.loads(facts["class_names"])
    h, w = image.shape[:2]
    fixed = json.loads(facts["relook_onnx"])["canvas"]  # of a file for one size
    factor = min(long / max(h, w), short / min(h, w))
    if fixed is not None:
        factor = min(factor, fixed[0] / h, fixed[1] / w)
    height, width = int(h * factor + 0.5), int(w * factor + 0.5)
    sides = fixed or [max(96, -(-n // 32) * 32) for n in (height, width)]
    canvas = np.zeros([*sides, 3], np.uint8)
    canvas[:height, :width] = resize(image.astype(np.float32), height, width).round()
    feeds = {"image": canvas, "size": np.array([height, width], np.int64)}
    feeds["scale"] = np.array([width / w, height / h], np.float32)
    feeds["score"] = np.array(score, np.float32)
    boxes, scores, labels, *masks = session.run(None, feeds)
    return boxes, scores, [names[label] for label in labels], masks[0] if masks else None


def paste(boxes: Array, masks: Array, height: int, width: int) -> Array:
    """A map (height, width) with the number of the object of each pixel, the best ones on top."""
    numbers = np.zeros((height, width), np.uint16)
    for i in reversed(range(len(boxes))):
        x1, y1, x2, y2 = np.clip(boxes[i].round().astype(int), 0, [width, height] * 2)
        if x2 > x1 and y2 > y1:
            numbers[y1:y2, x1:x2][resize(masks[i], y2 - y1, x2 - x1) >= 0.5] = i + 1
    return numbers


if __name__ == "__main__":
    model, source, target = sys.argv[1:]
    data = Path(source).read_bytes()
    w, h = (int(number) for number in data.split(maxsplit=4)[1:3])
    pixels = np.frombuffer(data[-h * w * 3 :], np.uint8).reshape(h, w, 3)
    found, scores, names, masks = detect(onnxruntime.InferenceSession(model), pixels)
    for box, score, name in zip(found, scores, names, strict=True):
        print(name, f"{score:.3f}", *box.round(1))
    if masks is not None:
        numbers = paste(found, masks, h, w).astype(">u2")
        Path(target).write_bytes(b"P5 %d %d 65535\n" % (w, h) + numbers.tobytes())
