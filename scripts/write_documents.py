"""Write the parts of the documents that are generated from the code.

`python scripts/write_documents.py` rewrites them; `--check` only says which are out of date and
exits with 1 if any is (the tests do that).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from relook import errors
from relook.config.presets import PRESETS, Published

ROOT = Path(__file__).resolve().parents[1]

INTRODUCTION = (
    "A message says what is wrong, where, why and what to do. Its code stands here so that it"
    " can be searched for; the exit code is that of the `relook` command. In Python, every one"
    " of them is a `relook.errors.RelookError` with the attributes `code` and `message`."
)


def models_table() -> str:
    """The table of presets as Markdown: one row for every name in `PRESETS`, in their order."""
    rows = [
        f"| `{name}` | {preset.about} | {_published(preset.published)} |"
        for name, preset in PRESETS.items()
    ]
    header = "| name | what it is | published AP, box / mask |\n| --- | --- | --- |"
    return "\n".join([header, *rows])


def _published(published: Published | None) -> str:
    if published is None:
        return "-"
    mask = "-" if published.mask is None else f"{published.mask:.1f}"
    return f"{published.box:.1f} / {mask} ({published.source})"


def errors_page() -> str:
    """The page of error codes as Markdown, by family."""
    parts = [
        "# Errors",
        INTRODUCTION,
    ]
    kinds = (errors.RelookError, errors.UsageError, errors.DataError, errors.ModelError)
    for kind in kinds:
        rows = [
            f"| {code} | {text} |"
            for code, text in errors.CODES.items()
            if code.startswith(kind.initial)
        ]
        parts.append(f"## {kind.family.capitalize()} (exit code {kind.exit_code})")
        parts.append("\n".join(["| code | meaning |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"


def speed_table() -> str:
    """What `make bench` measured last, where there is a target, as Markdown."""
    found = (ROOT / "benchmarks" / "results").glob("speed*.json")
    files = sorted(found, key=lambda path: (path.name != "speed.json", path.name))  # parts later
    lines = ["| what | measured | target | |", "| --- | ---: | ---: | --- |"]
    rows = {}
    for path in files:
        content = json.loads(path.read_text())
        rows |= {row["what"]: row for row in content["rows"] if row["target"] is not None}
    lines += [_speed_row(row) for row in rows.values()]
    return "\n".join(lines)


def _speed_row(row: dict[str, Any]) -> str:
    measured, unit = row["measured"], f" {row['unit']}" if row["unit"] else ""
    value = measured["median"] if isinstance(measured, dict) else measured
    shown, target = (
        f"{number:,.0f}{unit}" if number >= 100 else f"{number:.3g}{unit}"
        for number in (value, row["target"])
    )
    sign = "at least" if row["at_least"] else "at most"
    return f"| {row['what']} | {shown} | {sign} {target} | {'' if row['reached'] else 'missed'} |"


def between_marks(text: str, mark: str, content: str) -> str:
    """`text` with what stands between `<!-- mark -->` and `<!-- /mark -->` replaced.

    Raises:
        ValueError: if the marks do not stand in the text exactly once.
    """
    name = re.escape(mark)
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"expected one pair of marks {mark!r}")
    return pattern.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def documents() -> dict[Path, str]:
    """Every generated document with the text it should have."""
    readme = ROOT / "README.md"
    text = between_marks(readme.read_text(), "models-table", models_table())
    return {
        readme: between_marks(text, "speed-table", speed_table()),
        ROOT / "docs" / "errors.md": errors_page(),
    }


def main() -> int:
    """Write, or with `--check` compare; the exit code."""
    stale = [
        (path, text)
        for path, text in documents().items()
        if not path.is_file() or path.read_text() != text
    ]
    check = "--check" in sys.argv[1:]
    for path, text in stale:
        print(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(text)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
