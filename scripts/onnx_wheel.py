"""Build relook-onnx: the wheel of what predicts from ONNX files, with the shipped models in it.

    python scripts/onnx_wheel.py build/relook-onnx            the folder that a wheel is built of
    python scripts/onnx_wheel.py build/relook-onnx --wheel dist

The code is that of relook, the modules that `onnx_modules.py` finds, unchanged. The models are
exported with weights in 16 bits, each compared with its source before it is written; the files stay
beside the folder, and are taken again while their sources are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import onnx_modules

from relook._version import __version__
from relook.api import export_onnx
from relook.export.reading import read_onnx
from relook.runtime.files import write_text
from relook.weights.shipped import SHIPPED, shipped_file

ROOT: Final = Path(__file__).resolve().parents[1]
DISTRIBUTIONS: Final = {
    "PIL": "pillow",
    "annotated_types": "annotated-types",
    "cv2": "opencv-python-headless",
    "yaml": "PyYAML",
}
"""Name that is imported -> name that is installed, where they differ."""
EXTRAS: Final = ("geo", "microscopy", "video")
README: Final = """# relook-onnx

Objects in images, with masks, found by ONNX files that `relook export` writes: `relook.load` and
`relook predict` as in relook, without PyTorch.

```python
import relook

result = relook.load("nuclei").predict("image.png")
result.save("objects.csv")
```

```sh
relook predict cells/ --model nuclei --save csv,labels
```

The models `{models}` are inside. Another one is a file: `relook.load("mine.onnx")`. It has the same
modules as relook: install one of the two, not both.
"""


def requirements() -> list[str]:
    """What must be installed beside it, with the bounds that relook has."""
    needed = {
        DISTRIBUTIONS.get(name, name)
        for name in onnx_modules.required(onnx_modules.chosen()) | {"onnxruntime"}
    }
    project = _project()
    known = {_name(line): line for line in project["dependencies"]}
    known |= {_name(line): line for line in project["optional-dependencies"]["onnx"]}
    return [known[_plain(name)] for name in sorted(needed, key=str.lower)]


def pyproject() -> str:
    """The text of its ``pyproject.toml``."""
    project = _project()
    extras = {name: project["optional-dependencies"][name] for name in EXTRAS}
    lines = [
        "[build-system]",
        'requires = ["setuptools>=77"]',
        'build-backend = "setuptools.build_meta"',
        "",
        "[project]",
        'name = "relook-onnx"',
        f"version = {json.dumps(__version__)}",
        'description = "Detection and instance segmentation from ONNX files, without PyTorch."',
        'readme = "README.md"',
        *(
            f"{key} = {json.dumps(project[key])}"
            for key in ("requires-python", "license", "license-files", "classifiers")
        ),
        f"dependencies = {json.dumps(requirements())}",
        "",
        "[project.optional-dependencies]",
        *(f"{name} = {json.dumps(packages)}" for name, packages in extras.items()),
        "",
        "[project.scripts]",
        'relook = "relook.cli.onnx_app:main"',
        "",
        "[tool.setuptools.packages.find]",
        'where = ["src"]',
        "",
        "[tool.setuptools.package-data]",
        'relook = ["py.typed", "weights/shipped/*"]',
    ]
    return "\n".join(lines) + "\n"


def write_code(folder: Path) -> None:
    """Write the modules into ``src`` of `folder`, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in sorted(onnx_modules.chosen()):
        source = onnx_modules.modules()[name]
        target = folder / "src" / source.relative_to(onnx_modules.SOURCES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    shutil.copyfile(ROOT / "src/relook/py.typed", folder / "src/relook/py.typed")


def write_sources(folder: Path, models: tuple[str, ...], exported: Path) -> None:
    """Write everything that the wheel is built of into `folder`; ONNX files are kept in the folder
    `exported`, for the next time."""
    write_code(folder)
    for file in ("LICENSE", "NOTICE"):
        shutil.copyfile(ROOT / file, folder / file)
    write_text(folder / "pyproject.toml", pyproject())
    write_text(folder / "README.md", README.format(models="`, `".join(models)))
    exported.mkdir(parents=True, exist_ok=True)
    for name in models:
        target = folder / "src/relook/weights/shipped" / f"{name}.onnx"
        shutil.copyfile(_exported(name, exported / target.name), target)
        shutil.copyfile(shipped_file(name).with_suffix(".md"), target.with_suffix(".md"))


def _exported(name: str, path: Path) -> Path:
    """`path`, with the ONNX file of a shipped model: that of an earlier build, or a new one."""
    digest = hashlib.sha256(shipped_file(name).read_bytes()).hexdigest()
    if not path.is_file() or read_onnx(path).facts.source_sha256 != digest:
        exported = export_onnx(name, path, half=True)
        print(f"{name}: {exported.bytes:,} bytes; {exported.difference.line()}", flush=True)
    return path


def _project() -> dict[str, object]:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(content["project"])


def _name(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return _plain(match[0])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Write the folder, and build the wheel where one is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wheel", type=Path, metavar="DIR", help="build the wheel into DIR")
    parser.add_argument("--models", nargs="*", default=list(SHIPPED), help="models to put in")
    arguments = parser.parse_args()
    folder = arguments.folder
    write_sources(folder, tuple(arguments.models), folder.with_name(f"{folder.name}-models"))
    if arguments.wheel is not None:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "-w", str(arguments.wheel), str(folder)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
