"""Seconds to read and to check a large annotation file: ``python benchmarks/annotations.py``.

A file of discs is made in a temporary folder; all its images are one small JPEG. Seconds are those
of the processor, of one process.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import random
import resource
import tempfile
import time
from pathlib import Path

from PIL import Image

from relook.data.checks.registry import check_subjects
from relook.data.checks.subject import read_subject
from relook.data.coco.reader import read_coco

WIDTH, HEIGHT = 640, 480


def write_data_set(folder: Path, num_images: int, num_objects: int) -> Path:
    """Write a COCO file of polygons with 8 to 40 corners, and its images."""
    images = folder / "images"
    images.mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(buffer, "JPEG")
    rows = []
    for number in range(1, num_images + 1):
        name = f"{number:06d}.jpg"
        (images / name).write_bytes(buffer.getvalue())
        rows.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
    draw = random.Random(0)
    path = folder / "instances.json"
    categories = [{"id": key, "name": f"class {key}"} for key in range(1, 6)]
    with path.open("w") as file:
        file.write(f'{{"images": {json.dumps(rows)}, "categories": {json.dumps(categories)}, ')
        file.write('"annotations": [')
        for number in range(num_objects):
            x, y, radius = draw.uniform(40, 600), draw.uniform(40, 440), draw.uniform(5, 38)
            corners = draw.choice([8, 16, 24, 40])
            turns = [2 * math.pi * k / corners for k in range(corners)]
            points = [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in turns]
            xs, ys = zip(*points, strict=True)
            row = {
                "id": number + 1,
                "image_id": number % num_images + 1,
                "category_id": number % 5 + 1,
                "iscrowd": 0,
                "segmentation": [[round(v, 2) for point in points for v in point]],
                "bbox": [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)],
                "area": math.pi * radius**2,
            }
            file.write(f"{', ' if number else ''}{json.dumps(row)}")
        file.write("]}")
    return path


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--objects", type=int, default=150_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = write_data_set(Path(name), options.images, options.objects)
        images = path.parent / "images"
        begin = time.process_time()
        index = read_coco(path, images)
        print(f"read_coco: {time.process_time() - begin:.1f} s, {index.num_objects} objects")
        del index
        begin = time.process_time()
        found = check_subjects([read_subject(path, images)], near_duplicates=False)
        print(f"relook data check: {time.process_time() - begin:.1f} s, {len(found)} findings")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"memory at most: {peak:.1f} GB")


if __name__ == "__main__":
    main()
