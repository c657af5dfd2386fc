"""Put the tables and pictures of `make study` into the page about it.

A table of the page stands between `<!-- composed-main/Masks, gains -->` and the same with a slash
before the name: it is the section "Masks, gains" of the folder composed-main, as `relook ablate`
wrote it into table.md. Tables of folders that are not there stay as they are, and are said.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from pathlib import Path

from relook.atomic import write_text

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "studies" / "small-scale.md"
PICTURES = ROOT / "docs" / "images" / "small-scale"
COPIED = {
    "composed-main/gains.svg": "gains.svg",
    "composed-main/plot.svg": "time.svg",
    "composed-main/learning.svg": "learning.svg",
    "composed-dsc/gains.svg": "guidance.svg",
}
"""Pictures of the page, by what `relook ablate` called them."""
_TABLE = re.compile(r"<!-- ([\w.-]+)/([^\n]+?) -->\n(?:.*?\n)??<!-- /\1/\2 -->", re.DOTALL)


def section(text: str, title: str) -> str:
    """The table under the heading `title` of a table.md.

    Raises:
        ValueError: When there is no such heading, or no table below it.
    """
    found = re.search(rf"^## {re.escape(title)}\n\n((?:\|.*\n?)+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no table under a heading {title!r}")
    return found[1].strip()


def filled(page: str, studies: Path) -> tuple[str, list[str]]:
    """The page with the tables of `studies`, and the names of folders that are not there.

    Raises:
        ValueError: When a folder's table.md lacks a section, or the page has no mark.
    """
    missing: dict[str, None] = {}

    def table(mark: re.Match[str]) -> str:
        folder, title = mark[1], mark[2]
        path = studies / folder / "table.md"
        if not path.is_file():
            missing[folder] = None
            return mark[0]
        try:
            content = section(path.read_text(encoding="utf-8"), title)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return f"<!-- {folder}/{title} -->\n{content}\n<!-- /{folder}/{title} -->"

    text, count = _TABLE.subn(table, page)
    if not count:
        raise ValueError("the page has no marks such as <!-- composed-main/Masks, gains -->")
    return text, list(missing)


def main(arguments: list[str] | None = None) -> int:
    """Fill the page; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("studies", type=Path, nargs="?", default=ROOT / "runs" / "study")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--pictures", type=Path, default=PICTURES, help="folder of the page's own")
    given = parser.parse_args(arguments)
    try:
        text, missing = filled(given.page.read_text(encoding="utf-8"), given.studies)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 1
    write_text(given.page, text)
    for name, copy in COPIED.items():
        if (given.studies / name).is_file():
            given.pictures.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(given.studies / name, given.pictures / copy)
    for folder in missing:
        print(f"{given.studies / folder}: not there; its tables stay as they are", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
