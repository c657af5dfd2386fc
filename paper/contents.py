"""Headings that can be linked to, and the list of links."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable


def heading(text: str) -> str:
    """A heading within a section, which `contents` leads to."""
    return f'<h3 id="{_place(text)}">{html.escape(text)}</h3>'


def contents(headings: Iterable[str]) -> str:
    """Links to headings of this page."""
    links = "".join(
        f'<li><a href="#{_place(text)}">{html.escape(text)}</a></li>' for text in headings
    )
    return f'<ul class="contents">{links}</ul>'


def _place(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
