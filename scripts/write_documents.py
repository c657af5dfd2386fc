"""Write the parts of the documents that are generated from the code.

`python scripts/write_documents.py` rewrites them; `--check` only says which are out of date and
exits with 1 if any is (the tests do that).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from reference_page import reference_page, settings_page
from typer.core import TyperGroup

from relook import errors
from relook.cli.app import app
from relook.config.presets import PRESETS
from relook.config.published import PUBLISHED, PublishedTraining, published_for
from relook.data.checks.registry import ALL

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
CARDS = ROOT / "src" / "relook" / "weights" / "shipped"

GENERATED = ("reference.md", "settings.md")  # whole pages of names

INTRODUCTION = (
    "A message says what is wrong, where, why and what to do. Its code stands here so that it"
    " can be searched for; the exit code is that of the `relook` command. In Python, every one"
    " of them is a `relook.errors.RelookError` with the attributes `code` and `message`."
)


def models_table() -> str:
    """The table of presets as Markdown: one row for every name in `PRESETS`, in their order."""
    rows = [
        f"| `{name}` | {preset.about} | {_published(published_for(name))} |"
        for name, preset in PRESETS.items()
    ]
    header = "| name | what it is | published AP, box / mask |\n| --- | --- | --- |"
    return "\n".join([header, *rows])


def _published(published: PublishedTraining | None) -> str:
    return "-" if published is None else f"{_pair(published)} ({published.source})"


def _pair(published: PublishedTraining) -> str:
    numbers = (published.box, published.mask)
    return " / ".join("-" if number is None else f"{number:.1f}" for number in numbers)


def recipes_table() -> str:
    """The table of published trainings as Markdown, each with the options that repeat it."""
    rows = [
        f"| `{row.options}` | {_pair(row)} | {'-' if row.memory is None else row.memory} "
        f"| {row.source} |"
        for row in PUBLISHED
    ]
    header = "| `relook train` with | box / mask AP | GB a GPU | published by |"
    return "\n".join([header, "| --- | ---: | ---: | --- |", *rows])


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
        rows |= {row["what"]: row for row in content["rows"]}
    lines += [_speed_row(row) for row in rows.values() if row["target"] is not None]
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


def start_up_table() -> str:
    """What `benchmarks/start_up.py` measured last, as Markdown."""
    path = ROOT / "benchmarks" / "results" / "start-up.md"
    return path.read_text().strip() if path.is_file() else "It has not been measured yet."


def torture_table() -> str:
    """What `make torture` found last, as Markdown."""
    path = ROOT / "benchmarks" / "results" / "torture.json"
    if not path.is_file():
        return "`make torture` has not been run yet."
    report = json.loads(path.read_text())
    rows = report["rows"]
    kills, works = (sum(row[name] for row in rows) for name in ("kills", "works"))
    failures = errors.counted(sum(len(row["failures"]) for row in rows), "failure")
    where = f"{report['machine']}, Python {report['python']}"
    lines = [
        f"`{report['command']}`, on {where}: {works} works were begun and killed {kills} times in "
        f"{report['seconds'] / 60:.0f} minutes; {failures}.",
        "",
        "| work | begun | killed | failures |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in rows:
        counts = f"{row['works']} | {row['kills']} | {len(row['failures'])}"
        lines += [f"| {row['name']} | {counts} |"]
    return "\n".join(lines)


def load_table() -> str:
    """What `make load` measured last, as Markdown."""
    path = ROOT / "benchmarks" / "results" / "load.json"
    if not path.is_file():
        return "`make load` has not been run yet."
    report = json.loads(path.read_text())
    statuses = ", ".join(f"{number:,} with {code}" for code, number in report["statuses"].items())
    rest = ", at rest" if "memory_at_rest" in report else ""  # clients of earlier runs never rested
    rows = {
        "requests that were answered": statuses,
        "hostile requests": f"{report['hostile']:,}",
        "answers that were not those that were due": f"{len(report['wrong'])}",
        "connections that ended for no known reason": f"{len(report['broken'])}",
        "images a second": f"{report['images_a_second']:.2f}",
        "images of a batch, on average": f"{report['images_a_batch']:.2f}",
        "seconds to an answer: median": f"{report['median_seconds']:.2f}",
        "seconds to an answer: 99th percentile": f"{report['p99_seconds']:.2f}",
        f"memory at the end{rest}": f"{report['memory_mb']:,} MB",
        "most memory": f"{max(used for _, used in report['memory']):,.0f} MB",
        f"growth of memory{rest}": f"{report['memory_slope_mb_a_minute']:.2f} MB a minute",
        "ready again after it was killed": f"{report['start_after_kill_seconds']:.1f} s",
        "stopped by SIGTERM, all answered": f"{report['stop_seconds']:.1f} s",
    }
    batch = "" if report["batch"] is None else f" --batch {report['batch']}"
    lines = [
        f"`{report['command']}`, on {report['machine']}, Python {report['python']}, with "
        f"`--queue {report['queue']}{batch}`; "
        f"{errors.counted(len(report['failures']), 'failure')}.",
        "",
        "| what | measured |",
        "| --- | ---: |",
    ]
    return "\n".join([*lines, *(f"| {what} | {value} |" for what, value in rows.items())])


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


def commands_table() -> str:
    """The table of commands as Markdown: every command that is not hidden, with its first line."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    rows = [f"| `relook {name}` | {about} |" for name, about in _commands(group)]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def findings_table() -> str:
    """The table of what `relook data check` finds, as Markdown."""
    lines = ["| code | level | what is found | what to do | `--fix` |", "| --- " * 5 + "|"]
    for found in ALL:
        remedy = found.remedy.replace("{file}", "FILE")
        cells = (f"`{found.code}`", found.level, found.finds, remedy, found.fix)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _commands(group: TyperGroup, before: str = "") -> Iterator[tuple[str, str]]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{before}{name} ")
            continue
        first = (command.help or "").strip().split("\n\n")[0]
        yield f"{before}{name}", " ".join(first.split())


def card_page(card: Path) -> str:
    """The card of a trained model as a page of the site, with its picture beside it."""
    curve = f"{card.stem}-curve.svg"
    text = card.read_text()
    if f"]({curve})" not in text:
        raise ValueError(f"{card.name} does not show {curve}")
    origin = "<!-- copied from src/relook/weights/shipped by scripts/write_documents.py -->"
    return f"{origin}\n\n{text}"


def documents() -> dict[Path, str]:
    """Every generated document with the text it should have."""
    parts = {
        "models-table": ("models.md", models_table()),
        "recipes-table": ("reproduction.md", recipes_table()),
        "speed-table": ("performance.md", speed_table()),
        "start-up": ("performance.md", start_up_table()),
        "commands-table": ("commands.md", commands_table()),
        "findings-table": ("data-check.md", findings_table()),
        "torture": ("reliability.md", torture_table()),
        "load": ("serving.md", load_table()),
    }
    made: dict[Path, str] = {}
    for mark, (name, content) in parts.items():
        page = DOCS / name
        made[page] = between_marks(made.get(page) or page.read_text(), mark, content)
    for card in sorted(CARDS.glob("*.md")):
        made[DOCS / "cards" / card.name] = card_page(card)
        picture = f"{card.stem}-curve.svg"
        made[DOCS / "cards" / picture] = (CARDS / picture).read_text()
    made[DOCS / "errors.md"] = errors_page()
    made[DOCS / "settings.md"] = settings_page()
    written = [path for path in sorted(DOCS.rglob("*.md")) if path.name not in GENERATED]
    made[DOCS / "reference.md"] = reference_page(path.read_text() for path in written)
    return made


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
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
