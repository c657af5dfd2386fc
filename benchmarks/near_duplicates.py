"""How many near-identical images are missed, and how many other images are taken for such.

`python benchmarks/near_duplicates.py` changes every image of `datasets/` in each way of `CHANGES`,
and looks for near-identical images among the originals and their changed copies. A pair of an image
and its copy that is not found is missed; a found pair of different images is false, unless the
originals are near-identical themselves: those are named first. It prints rows of Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from relook.data.near_duplicates import find_near_duplicates

ROOT = Path(__file__).resolve().parents[1]

Change = Callable[[Image.Image], Image.Image]


def _scaled(factor: float) -> Change:
    return lambda image: image.resize(
        (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    )


def _noisy(image: Image.Image) -> Image.Image:
    values = np.asarray(image, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 5, values.shape)
    return Image.fromarray((values + noise).clip(0, 255).astype(np.uint8))


def _cropped(image: Image.Image) -> Image.Image:
    x, y = round(image.width * 0.01), round(image.height * 0.01)
    return image.crop((x, y, image.width - x, image.height - y))


CHANGES: dict[str, tuple[Change, int | None]] = {
    "half the size, PNG": (_scaled(0.5), None),
    "0.37 of the size, JPEG 80": (_scaled(0.37), 80),
    "1.7 times the size, JPEG 90": (_scaled(1.7), 90),
    "JPEG 60": (_scaled(1), 60),
    "JPEG 20": (_scaled(1), 20),
    "20 % brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.2), 90),
    "20 % darker": (lambda image: ImageEnhance.Brightness(image).enhance(0.8), None),
    "20 % more contrast": (lambda image: ImageEnhance.Contrast(image).enhance(1.2), None),
    "grey": (lambda image: image.convert("L"), None),
    "noise of 5 grey levels": (_noisy, None),
    "1 % cut off each side": (_cropped, 90),
    "mirrored": (ImageOps.mirror, 90),
}
"""What is done to an image, and the quality of the JPEG that is made of it, or None for PNG."""


def measure(paths: Sequence[Path], name: str, folder: Path) -> tuple[int, int, float]:
    """Pairs missed, false pairs, and images compared in a second, for the change `name`."""
    change, quality = CHANGES[name]
    copies = []
    for number, path in enumerate(paths):
        copies.append(folder / f"{number}.{'png' if quality is None else 'jpg'}")
        with Image.open(path) as image:
            changed = change(image.convert("RGB"))
            changed.save(copies[-1], **({} if quality is None else {"quality": quality}))
    flips = name == "mirrored"
    start = time.perf_counter()
    found = find_near_duplicates([*paths, *copies], flips=flips)
    seconds = time.perf_counter() - start
    count = len(paths)
    alike = {tuple(sorted((a, b))) for a, b in originals(paths, flips=flips)}
    own = {(a, b - count) for a, b in found.pairs if a < count <= b}
    missed = sum((place, place) not in own for place in range(count))
    others = {tuple(sorted((a % count, b % count))) for a, b in found.pairs}
    false = sum(a != b and (a, b) not in alike for a, b in others)
    return missed, false, 2 * count / seconds


def labelled(paths: Sequence[Path], folder: Path) -> int:
    """False pairs among the images with the same scale bar and caption in all of them."""
    copies = []
    for number, path in enumerate(paths):
        copies.append(folder / f"{number}.jpg")
        with Image.open(path) as image:
            changed = image.convert("RGB")
        width, height = changed.size
        draw = ImageDraw.Draw(changed)
        bar = (0.72 * width, 0.93 * height, 0.96 * width, 0.95 * height)
        draw.rectangle(bar, fill="white")
        draw.text((0.78 * width, 0.87 * height), "100 um", "white", font_size=0.04 * height)
        draw.text((0.02 * width, 0.02 * height), "DAPI", "white", font_size=0.05 * height)
        changed.save(copies[-1], quality=90)
    alike = set(originals(paths))
    return sum(pair not in alike for pair in originals(copies))


def originals(paths: Sequence[Path], *, flips: bool = False) -> list[tuple[int, int]]:
    """Pairs that are near-identical as they are."""
    return list(find_near_duplicates(paths, flips=flips).pairs)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="images of each data set")
    options = parser.parse_args(arguments)
    paths = []
    for name in ("nuclei", "mushrooms", "coco_mini"):
        images = sorted((ROOT / "datasets" / name / "images").rglob("*.jpg"))
        paths += images[: options.limit]
    print(f"{len(paths)} images; near-identical as they are:")
    for a, b in originals(paths):
        print(f"  {paths[a].name} and {paths[b].name}")
    print(
        "\n| change | pairs missed | false pairs | images a second |\n| --- | ---: | ---: | ---: |"
    )
    for name in CHANGES:
        with tempfile.TemporaryDirectory() as folder:
            missed, false, speed = measure(paths, name, Path(folder))
        print(f"| {name} | {missed} of {len(paths)} | {false} | {speed:,.0f} |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(
            f"\nfalse pairs with the same scale bar in all images: {labelled(paths, Path(folder))}"
        )


if __name__ == "__main__":
    main()
