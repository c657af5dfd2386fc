"""Check a built site: every link leads somewhere, and nothing is fetched from a network.

`python scripts/check_site.py build/site` prints what is wrong and exits with 1 if anything is.
Links to other servers are not followed: a page may have them, but it may not load anything from
there. The scripts of the theme are not searched; they would load something from a network only for
things that no page here has, such as diagrams.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes through which a browser loads something without being asked.
LOADS = {"src", "poster", "data"}
QUIET_LINKS = {"canonical", "prev", "next", "alternate", "author", "license"}
STYLE_LOAD = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What a page refers to, what it loads, and the places in it that have a name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort the attributes of a tag into links, loads and names."""
        given = {name: value or "" for name, value in attrs}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        for name, value in given.items():
            if name == "href":
                quiet = tag != "link" or given.get("rel") in QUIET_LINKS
                (self.links if quiet else self.loads).append(value)
            elif name == "style":
                self.loads += _of_style(value)
            elif name == "srcset":
                self.loads += [one.split()[0] for one in value.split(",") if one.strip()]
            elif name in LOADS:
                self.loads.append(value)


def problems(site: Path) -> list[str]:
    """Everything that is wrong with the pages and styles of a site, a line for each."""
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        return [f"{site}: no page"]
    out = []
    for path, page in pages.items():
        if path.name != "404.html":  # a server shows it at any address: its links start at the root
            out += [f"{path.relative_to(site)}: {one}" for one in _of_page(path, page, pages)]
        out += [f"{path.relative_to(site)}: loads {one}" for one in page.loads if _is_away(one)]
    for path in sorted(site.rglob("*.css")):
        away = [one for one in _of_style(path.read_text(encoding="utf-8")) if _is_away(one)]
        out += [f"{path.relative_to(site)}: loads {one}" for one in away]
    return out


def _of_page(path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for link in [*page.links, *page.loads]:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or (not parts.path and not parts.fragment):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            yield f"{link} leads nowhere"
        elif parts.fragment and unquote(parts.fragment) not in pages[target].names:
            yield f"{link}: no such place in the page"


def _of_style(text: str) -> list[str]:
    return [first or second for first, second in STYLE_LOAD.findall(text)]


def _is_away(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https")


def main() -> int:
    """Print the problems of the site that is named; the exit code."""
    if len(sys.argv) != 2:
        sys.exit((__doc__ or "").strip())
    site = Path(sys.argv[1])
    found = problems(site)
    print(
        "\n".join(found) or f"{len(list(site.rglob('*.html')))} pages: every link leads somewhere"
    )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
