"""Model files opened, and their headers read without PyTorch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..errors import DataError, ModelError
from .header import SUFFIX, Header, parse_header


def read_header(path: Path | str) -> Header:
    """Everything but the weights in a model file; nothing is built or imported.

    Raises: as `load_model` does for a file that is missing, damaged or newer.
    """
    path = Path(path)
    with opened(path, framework="np") as file:
        return parse_header(path, file.metadata() or {})


@contextlib.contextmanager
def opened(path: Path, framework: str = "pt") -> Iterator[Any]:
    """The safetensors file at `path`; what fails while it is read is D01 or M02."""
    if not path.is_file():
        raise DataError("D01", f"{path}: there is no such file")
    try:
        with safe_open(path, framework=framework, device="cpu") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise ModelError(
            "M02", f"{path} is not a relook model, or is damaged: {error}.{_hint(path)}"
        ) from error


def _hint(path: Path) -> str:
    if path.suffix == SUFFIX:
        return " Copy or download it again."
    if path.suffix.lower() == ".onnx":
        return (
            " An ONNX file predicts (`relook predict`, `relook eval`); its weights are folded, so "
            f"that nothing can be trained from it. Take the {SUFFIX} file that it was made of."
        )
    return " A checkpoint of another library becomes one by `relook weights import`."
