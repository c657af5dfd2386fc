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

from write_documents import between_marks

from relook.runtime.files import write_text

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
_MARK = re.compile(r"^<!-- ([\w.-]+)/(.+) -->$", re.MULTILINE)


def section(path: Path, title: str) -> str:
    """The table under the heading `title` of the table.md at `path`.

    Raises:
        ValueError: When there is no such heading, or no table below it.
    """
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(title)}\n\n((?:\|.*\n?)+)", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{path}: no table under a heading {title!r}")
    return found[1].strip()


def filled(page: str, studies: Path) -> tuple[str, list[str]]:
    """The page with the tables of `studies`, and the names of folders that are not there.

    Raises:
        ValueError: When a table.md lacks a section, or a mark its end, or the page any mark.
    """
    marks = _MARK.findall(page)
    if not marks:
        raise ValueError("the page has no marks such as <!-- composed-main/Masks, gains -->")
    missing: dict[str, None] = {}
    for folder, title in marks:
        path = studies / folder / "table.md"
        if path.is_file():
            page = between_marks(page, f"{folder}/{title}", section(path, title))
        else:
            missing[folder] = None
    return page, list(missing)


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
