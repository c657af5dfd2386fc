"""Store the sizes of their training objects in the models that come with relook.

    python scripts/ship_sizes.py nuclei mushrooms

For files that were shipped before models stored these: `scripts/ship_model.py` stores them with the
rest. The sizes are those of the training data by the command of the training, which the file
has. The tensors stay as they are, bit for bit, and the rows of the card that are about the file
are written anew.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relook.cli.training_options import overlays
from relook.data.coco.reader import read_coco
from relook.data.statistics import object_sizes
from relook.errors import RelookError, UsageError
from relook.runtime.files import write_text
from relook.structures.object_sizes import ObjectSizes
from relook.training.settings import Settings, resolve
from relook.weights.file import SavedModel, change_extra, load_model
from relook.weights.shipped import FOLDER, SHIPPED

SIZES = "sizes of the training objects"


def settings_of(saved: SavedModel) -> Settings:
    """The settings of the training whose command the file has.

    Raises:
        UsageError: U02 to U04 when they cannot be told from it.
    """
    words = shlex.split(saved.extra["provenance"]["command"])
    values: dict[str, list[str]] = {}
    for option, value in itertools.pairwise(words):
        if option.startswith("--"):
            values.setdefault(option, []).append(value)
    data: dict[str, Any] = {
        "train_json": Path(values["--train-json"][0]),
        "train_images": Path(values["--images"][0]),
    }
    changes = overlays(None, None, {}, data, values.get("--set", []))
    return resolve(changes, preset_name=saved.extra["preset"], base=saved.config)


def sizes_in(settings: Settings) -> ObjectSizes:
    """Sizes of the training objects of `settings`.

    Raises:
        UsageError: U04 when the data has no object.
    """
    index = read_coco(settings.data.train_json, settings.data.train_images)
    sizes = object_sizes(index, settings.model.input.size, settings.train.augment)
    if sizes is None:
        raise UsageError("U04", f"{index.path}: there is no object to measure.")
    return sizes


def store(name: str, folder: Path = FOLDER) -> ObjectSizes:
    """Store the sizes in the file and the card called `name` in `folder`."""
    file, card = folder / SHIPPED[name].file_name, folder / f"{name}.md"
    sizes = sizes_in(settings_of(load_model(file)))
    change_extra(file, sizes.to_extra())
    content = file.read_bytes()
    rows = {
        "file": f"{file.name}, {len(content):,} bytes, 16 bits for a number",
        "SHA-256 of the file": f"`{hashlib.sha256(content).hexdigest()}`",
    }
    text = card.read_text(encoding="utf-8")
    for title, value in rows.items():
        text = re.sub(rf"(?m)^\| {title} \| .*$", f"| {title} | {value} |", text)
    text = re.sub(rf"(?m)^\| {SIZES} \| .*\n", "", text)
    text = re.sub(
        r"(?m)^(\| images are scaled to fit \| .*)$", rf"\1\n| {SIZES} | {sizes.line()} |", text
    )
    write_text(card, text)
    return sizes


def main(arguments: Sequence[str] | None = None) -> int:
    """Store the sizes in the models that are named; the exit code."""
    parser = argparse.ArgumentParser(description="Store sizes of objects in shipped models.")
    parser.add_argument("names", nargs="+", choices=SHIPPED, help="names of models")
    try:
        for name in parser.parse_args(arguments).names:
            print(f"{name}: {store(name).line()}")
    except RelookError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
