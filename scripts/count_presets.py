"""Count parameters and multiply-adds of every preset, and of the models that come along:
src/relook/analysis/counts.json.

`python scripts/count_presets.py` takes about a minute; run it when a preset or a module changed.
"""

from __future__ import annotations

import json

from relook.analysis.complexity import complexity
from relook.analysis.counts import FILE, MASKS, PROPOSALS, SIZE, Counts, counted_models


def main() -> None:
    """Count, and write the file."""
    table: dict[str, Counts] = {}
    for name, config in counted_models():
        found = complexity(config, *SIZE, PROPOSALS, MASKS)
        table[name] = {"parameters": found.parameters, "multiply_adds": found.multiply_adds}
    FILE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
