"""How long a large checkpoint takes to be read, and how much memory: one JSON object is printed.

Run `python benchmarks/import_checkpoint.py [FOLDER]`. Weights of the size of DetectoRS with HTC
and a ResNet-50 (540 MB) are made by the formulas of the tests and written to FOLDER, or to a
temporary one, in both formats of torch.save, each also with a description that PyTorch alone
refuses. Every file is read in a process of its own; the memory is the peak of the resident pages
above what the process had after its imports, which counts the mapped pages of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import relook

ROOT = Path(__file__).resolve().parents[1]
MODEL = "detectors_htc_r50"
READ = """
import json, resource, sys, time
import torch
from relook.interop.checkpoint.reading import read_checkpoint
from pathlib import Path
status = Path("/proc/self/status")  # where it is missing, the parent's peak counts too
def peak():
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
before, start = peak(), time.perf_counter()
checkpoint = read_checkpoint(sys.argv[1])
read = time.perf_counter() - start
copies = {name: value.clone() for name, value in checkpoint.state.items()} if sys.argv[2:] else {}
print(json.dumps({
    "tensors": len(checkpoint.state),
    "megabytes": round(checkpoint.size / 1e6, 1),
    "seconds": round(read, 2),
    "seconds with a copy of every tensor": round(time.perf_counter() - start, 2),
    "peak over the file's size": round((peak() - before) / checkpoint.size, 2),
}))
"""


def write_files(folder: Path) -> list[Path]:
    """The four files, in `folder`."""
    sys.path.insert(0, str(ROOT / "tests" / "parity"))
    import formula
    import golden

    state = formula.weights(golden.shapes(MODEL))
    paths = []
    for zipped in (True, False):
        for plain in (True, False):
            meta = {"CLASSES": ["a", "b"], "score": 0.5 if plain else np.float64(0.5)}
            name = f"{'zip' if zipped else 'legacy'}, {'plain' if plain else 'with NumPy'}"
            paths.append(folder / f"{name}.pth")
            torch.save(
                {"state_dict": state, "meta": meta},
                paths[-1],
                _use_new_zipfile_serialization=zipped,
            )
    return paths


def measure(path: Path, *, copy: bool) -> Any:
    """What a fresh process needs for `path`; with `copy`, tensors are copied as into a model."""
    command = [sys.executable, "-c", READ, str(path), *["copy"] * copy]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def machine() -> dict[str, Any]:
    """Where the numbers come from."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "relook": relook.__version__,
    }


def main() -> None:
    """Write, read, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory(dir=folder) as place:
        paths = write_files(Path(place))
        results = {
            path.stem: {
                "read": measure(path, copy=False),
                "read and copy": measure(path, copy=True),
            }
            for path in paths
        }
    print(json.dumps({"machine": machine(), "files": results}, indent=2))


if __name__ == "__main__":
    main()
