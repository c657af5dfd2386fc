"""How long it takes to lay objects and stuff over one another, beside decoding their masks alone.

    python benchmarks/merging.py

The floor is what no merge can do without: the 100 masks out of their run-length codes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from relook.ops.panoptic_merge import Objects, PanopticRule, merge
from relook.ops.rle import decode_window, encode_mask
from relook.training.run_folder import environment

HEIGHT, WIDTH, OBJECTS, STUFF = 480, 640, 100, 53
REPETITIONS = 30


def scene(seed: int = 0) -> tuple[Objects, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """Discs of 10 to 90 pixels radius over tiles of stuff."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    masks, boxes = [], []
    for _ in range(OBJECTS):
        x, y, r = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(10, 90)
        masks.append(encode_mask((xs - x) ** 2 + (ys - y) ** 2 < r * r))
        boxes.append((max(x - r, 0), max(y - r, 0), min(x + r, WIDTH), min(y + r, HEIGHT)))
    scores = rng.uniform(0.5, 1, OBJECTS).astype(np.float32)
    tiles = rng.integers(0, STUFF + 1, (HEIGHT // 40, WIDTH // 40)).astype(np.uint8)
    objects = Objects(np.array(boxes, dtype=np.float32), scores, [1] * OBJECTS, masks)
    return objects, np.kron(tiles, np.ones((40, 40), dtype=np.uint8))


def median_ms(work: Callable[[], object]) -> float:
    """Median milliseconds of some repetitions; the first warms up."""
    found = []
    for _ in range(REPETITIONS + 1):
        started = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - started))
    return statistics.median(found[1:])


def main() -> int:
    """Measure and print."""
    objects, semantic = scene()
    stuff = {label: 100 + label for label in range(STUFF)}
    floor = median_ms(lambda: [decode_window(mask) for mask in objects.masks])
    print(
        f"{OBJECTS} objects, {STUFF} kinds of stuff, {WIDTH}x{HEIGHT}; masks alone {floor:.1f} ms"
    )
    for name, rule in (("as published", PanopticRule()), ("no limits", PanopticRule(stuff_area=0))):
        found = median_ms(lambda rule=rule: merge(objects, semantic, stuff, rule))  # type: ignore[misc]
        print(f"merge, {name}: {found:.1f} ms, {found / floor:.1f} times the masks alone")
    print(json.dumps(environment()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
