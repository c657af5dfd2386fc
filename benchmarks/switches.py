"""How far the switches of SAC move with the size of the objects, over many images.

Run `python benchmarks/switches.py datasets/nuclei/images --model nuclei --limit 60`. For each image
S, what the branch of the smaller rate counts, is averaged over all layers in the boxes of its
objects, by their size (`relook explain switches` for one image); the table has the mean over the
images and what holds 95 % of 1000 resamples of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ending import errors_in_words

from relook import load
from relook.ablation.table import grid
from relook.analysis.inspect.inspected_image import prepare
from relook.analysis.inspect.switches import SIZES, record_switches
from relook.data.sources.finding import find_sources
from relook.evaluation.statistics.weighted_precision import interval
from relook.inference.predictor import Predictor

RESAMPLES = 1000
IMAGE = "image"  # everywhere in it, beside the sizes of objects
Means = Mapping[str, float | None]  # size, or IMAGE -> S; None without such objects


def means_of(predictor: Predictor, paths: Sequence[Path]) -> list[Means]:
    """S of each image, by the size of what is found in it.

    Raises:
        UsageError: U04 for a model without SAC; what `prepare` raises.
    """
    return [
        record_switches(predictor, prepare(predictor, path)).statistics()["mean over layers"]
        for path in paths
    ]


def table(means: Sequence[Means]) -> str:
    """S by size with its interval, and how it differs from that of the smallest size."""
    names = [*(name for name, _, _ in SIZES), IMAGE]
    first = names[0]
    rows = []
    for name in names:
        pairs = [(one[name], one[first]) for one in means]
        there = [value for value, _ in pairs if value is not None]
        over = [a - b for a, b in pairs if a is not None and b is not None]
        is_other = name not in (first, IMAGE)
        rows.append((name, str(len(there)), _shown(there), _shown(over, "+") if is_other else ""))
    return grid(("where", "images", "S", f"over {first} objects of the same image"), rows)


def _shown(values: Sequence[float], sign: str = "") -> str:
    if not values:
        return "-"
    known = np.array(values)
    drawn = np.random.default_rng(0).integers(len(known), size=(RESAMPLES, len(known)))
    low, high = interval(known[drawn].mean(axis=1))
    return f"{known.mean():{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


@errors_in_words
def main(given: Sequence[str]) -> int:
    """Print the table; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", nargs="+", help="files, folders or patterns")
    parser.add_argument("--model", required=True, help="run folder, file or name, with SAC")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N only")
    options = parser.parse_args(given)
    paths = find_sources(options.images).files[: options.limit]
    print(table(means_of(load(options.model, device="cpu"), paths)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
