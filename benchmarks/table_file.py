"""The file with the table of a study: its parts, the command that made it, and where it ran."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from relook.runtime.files import write_text
from relook.training.run_folder import environment


def write_table(folder: Path, parts: Sequence[str], script: str, given: Sequence[str]) -> None:
    """Write `parts` into ``table.md`` of `folder`, and print them.

    Below them stand the command, `script` of this folder with what it was `given`, and the machine
    with its one thread.
    """
    command = shlex.join(["python", f"benchmarks/{script}", *given])
    where = json.dumps({**environment(), "threads": 1})
    text = "\n\n".join([*parts, f"`{command}`", f"On: {where}"])
    write_text(folder / "table.md", text + "\n")
    print(text)
