"""How well classes are balanced by `relook data split`, beside parts that are drawn at random.

`python benchmarks/splitting.py --images 5000 --classes 80` makes up images with a few classes each,
gives a fifth of them to validation, and prints the smallest and largest share of the objects of a
class that validation has, as rows of Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from relook.data.splits.dealing import deal

SHARE = 0.2
PRESENT = 0.035  # share of the images that a class is in, as in COCO


def shares(objects: NDArray[np.int64], is_val: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the objects of each class (C,) in the chosen images, of objects (N, C)."""
    return np.asarray(objects[is_val].sum(axis=0) / objects.sum(axis=0).clip(min=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=80)
    options = parser.parse_args(arguments)
    random = np.random.default_rng(0)
    size = options.images, options.classes
    objects = np.where(random.random(size) < PRESENT, random.integers(1, 8, size), 0)
    content = np.concatenate([np.ones((options.images, 1)), objects, objects > 0], axis=1)
    weights = [4.0, *[1 / options.classes] * (2 * options.classes)]
    start = time.perf_counter()
    parts = np.array(deal([1] * options.images, content, weights, (1 - SHARE, SHARE), 0))
    seconds = time.perf_counter() - start
    drawn = random.permutation(options.images) < round(SHARE * options.images)
    print("| parts | least share of a class | largest | seconds |\n| --- | ---: | ---: | ---: |")
    for name, is_val, took in (("balanced", parts == 1, seconds), ("at random", drawn, 0.0)):
        found = shares(objects, is_val)
        print(f"| {name} | {found.min():.1%} | {found.max():.1%} | {took:.1f} |")


if __name__ == "__main__":
    main()
