"""One training of an ablation, as its plan lists it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..training.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Job:
    """A row with one seed."""

    row: str
    seed: int
    name: str  # of its folder
    settings: str  # YAML, with the validation data that the row is scored on
    allow: Sequence[str] = ()  # packages whose parts its model may name

    def run(self, folder: Path) -> RunFolder:
        """Folder of the training of the row with this seed, in the `folder` of all jobs."""
        return RunFolder(folder / self.name / "run")
