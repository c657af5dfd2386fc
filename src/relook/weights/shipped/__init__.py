"""Models that come inside the package, trained: ready without a download and without a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import UsageError, did_you_mean

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """One of them; its card, ``NAME.md``, says what it was trained on and how good it is."""

    about: str
    preset: str  # the architecture that was trained
    file_name: str  # in `FOLDER`


SHIPPED: Final[Mapping[str, ShippedModel]] = {
    "nuclei": ShippedModel(
        "cell nuclei in microscope images, with masks", "detectors-htc-tiny", "nuclei.safetensors"
    ),
    "mushrooms": ShippedModel(
        "mushrooms in crates, touching and overlapping",
        "detectors-htc-tiny",
        "mushrooms.safetensors",
    ),
}
"""Name -> model, for `relook.load` and wherever a command takes a model."""


def shipped_file(name: str) -> Path:
    """Path of the model file called `name`, inside the installed package: its .safetensors file,
    or in relook-onnx the ONNX file that was made of it.

    Raises:
        UsageError: U01 when no model of that name comes with relook.
    """
    if name not in SHIPPED:
        raise UsageError(
            "U01", f"no model called {name!r} comes with relook; {did_you_mean(name, SHIPPED)}"
        )
    path = FOLDER / SHIPPED[name].file_name
    return path if path.is_file() else path.with_suffix(".onnx")
