"""One way to read or to evaluate, in a process of its own: prints seconds, memory and numbers."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Numbers = list[float]


def read_by_relook(truth: Path) -> Callable[[], Numbers]:
    """Read a file with all checks but those of the image files."""
    from relook.data.coco.reader import read_coco

    def run() -> Numbers:
        index = read_coco(truth, truth.parent, check_files=False)
        return [len(index.images), index.num_objects]

    return run


def read_by_pycocotools(truth: Path) -> Callable[[], Numbers]:
    """Read a file with `COCO()`."""
    from pycocotools.coco import COCO

    def run() -> Numbers:
        coco = COCO(str(truth))
        return [len(coco.imgs), len(coco.anns)]

    return run


def evaluate_by_relook(truth: Path, rows: list[Any]) -> Callable[[], Numbers]:
    """Evaluate boxes and masks, with counting and curves."""
    from relook.evaluation.coco import evaluate_coco

    def run() -> Numbers:
        metrics = evaluate_coco(truth, rows)
        assert metrics.mask is not None
        names = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar_1", "ar_10", "ar_n")
        pair = metrics.box, metrics.mask
        return [getattr(scores, name) for scores in pair for name in names]

    return run


def evaluate_by(library: str, truth: Path, rows: list[Any]) -> Callable[[], Numbers]:
    """Evaluate boxes, then masks, as the documentation of each library has it."""
    coco, evaluation = _classes_of(library)

    def run() -> Numbers:
        numbers: Numbers = []
        for kind, unused in (("bbox", "segmentation"), ("segm", "bbox")):
            # With a box, these libraries take its area in place of that of the mask.
            results = [{key: row[key] for key in row if key != unused} for row in rows]
            data = coco(str(truth))
            found = data.loadRes(results)
            evaluator = evaluation(data, found, kind)
            evaluator.evaluate()
            evaluator.accumulate()
            evaluator.summarize()
            numbers += [float(value) for value in evaluator.stats[:9]]
        return numbers

    return run


def _classes_of(library: str) -> tuple[Any, Any]:
    if library == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        return COCO, COCOeval
    if library == "hotcoco":
        import hotcoco

        return hotcoco.COCO, hotcoco.COCOeval
    from faster_coco_eval import COCO as FasterCOCO
    from faster_coco_eval import COCOeval_faster

    return FasterCOCO, COCOeval_faster


def main() -> None:
    """Run one way and print a line of json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=["reading", "evaluation"])
    parser.add_argument("library")
    parser.add_argument("truth", type=Path)
    parser.add_argument("detections", type=Path, nargs="?")
    options = parser.parse_args()
    if options.task == "reading":
        kinds = {"relook": read_by_relook, "pycocotools": read_by_pycocotools}
        run = kinds[options.library](options.truth)
    else:
        rows = json.loads(options.detections.read_bytes())
        if options.library == "relook":
            run = evaluate_by_relook(options.truth, rows)
        else:
            run = evaluate_by(options.library, options.truth, rows)
    before = peak()
    wall, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        numbers = run()
    seconds = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    print(json.dumps({**seconds, "before_mb": before, "peak_mb": peak(), "numbers": numbers}))


def peak() -> float:
    """Return the largest memory of this process so far, in MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    # ru_maxrss begins with the memory of the process that started this one.
    lines = [line.split() for line in status.read_text().splitlines()]
    return next(int(line[1]) for line in lines if line[0] == "VmHWM:") / 1e3


if __name__ == "__main__":
    main()
