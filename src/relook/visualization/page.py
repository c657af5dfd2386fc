"""A page in one file: no scripts, no downloads, readable on a phone, light and dark.

Functions return HTML; their text arguments are escaped here and nowhere else.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

QUALITY = 80  # of JPEG pictures
_TALL = 25  # rows from which a table scrolls

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2128;--soft:#57606a;--paper:#fff;--card:#f6f8fa;
--line:#d5dae1;--accent:#0b6bcb;--s0:#0b6bcb;--s1:#c2540a;--s2:#1a7f4b;--s3:#8250df;
--s4:#9a6700;--s5:#bf3989;--truth:#2ec4ff;--found:#ff9433}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--soft:#9aa5b1;--paper:#12161b;--card:#1b2128;
--line:#323a44;--accent:#58a6ff;--s0:#58a6ff;--s1:#f0883e;--s2:#4ac97f;--s3:#bc8cff;--s4:#d9b13b;
--s5:#f778ba}}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,sans-serif;margin:0;color:var(--ink);background:var(--paper)}
header,nav,main,footer{max-width:66rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.6rem}h1{font-size:1.7rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.4rem 0 .6rem}h3{font-size:1rem;margin:1.4rem 0 .4rem}
p{margin:.4rem 0;max-width:46rem;overflow-wrap:anywhere}.soft,figcaption,footer{color:var(--soft)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;margin:.8rem 0 0}
a{color:var(--accent)}section{scroll-margin-top:1rem}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:1rem 0}
dl div{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.6rem .9rem}
dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.55rem;line-height:1.3;
font-variant-numeric:tabular-nums}dd small{display:block;font-size:.8rem;color:var(--soft)}
.scroll{overflow-x:auto;max-width:100%;margin:.6rem 0}
.tall{max-height:34rem;overflow-y:auto;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem}
caption{text-align:left;color:var(--soft);padding:.2rem 0;font-size:.88rem}
th,td{padding:.28rem .75rem;text-align:right;border-bottom:1px solid var(--line)}
thead th{border-bottom:2px solid var(--line);vertical-align:bottom;background:var(--paper)}
.tall thead th{position:sticky;top:0}
th:first-child{text-align:left;min-width:6rem;max-width:20rem;overflow-wrap:break-word;
padding-left:0}
td.text{text-align:left;min-width:12rem}th.text{text-align:left}
td[style]{background:color-mix(in srgb,var(--accent) calc(var(--share)*55%),transparent)}
.matrix thead th:not(:first-child){writing-mode:vertical-rl;padding:.5rem .3rem;max-height:11rem;
overflow:hidden;text-align:left}.matrix td{padding:.28rem .5rem}
.matrix th:first-child{position:sticky;left:0;background:var(--paper);max-width:9rem}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem}
.pictures{display:grid;gap:1rem;align-items:start;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr))}
.crops{grid-template-columns:repeat(auto-fill,minmax(min(100%,14rem),1fr))}
figure{margin:0}figure img{display:block;width:100%;height:auto;max-height:34rem;
object-fit:contain;border-radius:.4rem;background:var(--card)}
figcaption{font-size:.88rem;overflow-wrap:anywhere;padding:.25rem 0}
figcaption.title{color:var(--ink);font-weight:600}
svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem 1rem;padding:0;margin:.2rem 0;
font-size:.88rem}.legend li{overflow-wrap:anywhere}
.swatch{display:inline-block;width:1.1rem;height:.22rem;vertical-align:middle;margin-right:.35rem}
pre{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem;margin:0;
font-size:.82rem;overflow-x:auto}
pre.wrapped{white-space:pre-wrap;overflow-wrap:anywhere}summary{cursor:pointer;margin:.6rem 0}
footer{padding:2.5rem 1rem;font-size:.88rem}
@media print{nav{display:none}.tall{max-height:none}}
"""


class Section(NamedTuple):
    """A part of a page with a heading of its own; `parts` are HTML."""

    heading: str
    parts: Sequence[str]


class Fact(NamedTuple):
    """A main number, shown at the top."""

    name: str
    value: str
    note: str = ""


def page(
    title: str, lead: str, facts: Sequence[Fact], sections: Sequence[Section], style: str = ""
) -> str:
    """A whole HTML document; sections without parts are left out. `style` is more CSS."""
    shown = [section for section in sections if any(section.parts)]
    links = "".join(
        f'<li><a href="#part{number}">{_text(section.heading)}</a></li>'
        for number, section in enumerate(shown)
    )
    bodies = "\n".join(
        f'<section id="part{number}" aria-labelledby="title{number}">'
        f'<h2 id="title{number}">{_text(section.heading)}</h2>{"".join(section.parts)}</section>'
        for number, section in enumerate(shown)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{_text(title)}</title><style>{_STYLE}{style}</style></head><body>\n"
        f'<header><h1>{_text(title)}</h1><p class="soft">{_text(lead)}</p></header>\n'
        f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>\n'
        f"<main>{_facts(facts)}\n{bodies}</main>\n<footer>Written by relook.</footer>"
        "</body></html>\n"
    )


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{_text(text)}</p>"


def subheading(text: str) -> str:
    """Return a heading within a section."""
    return f"<h3>{_text(text)}</h3>"


def listing(text: str, *, wraps: bool = False) -> str:
    """Return preformatted text, with its lines and columns; long lines scroll, or are wrapped."""
    return f'<pre{" class=wrapped" if wraps else ""} tabindex="0">{_text(text)}</pre>'


def folded(summary: str, *parts: str) -> str:
    """HTML `parts` that are hidden until a click on `summary`."""
    return f"<details><summary>{_text(summary)}</summary>{''.join(parts)}</details>"


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    texts: Sequence[int] = (),
    shares: Sequence[Sequence[float]] | None = None,
    links: Sequence[str | None] | None = None,
    is_matrix: bool = False,
) -> str:
    """A table whose first column names the rows; it scrolls where it is too wide or tall.

    The columns `texts` have words, not numbers. `shares` in [0, 1] colour the cells after the first
    column; `links` are addresses for the names of rows. A matrix has vertical names of columns, and
    the names of its rows stay visible.
    """
    sides = [' class="text"' if column in texts else "" for column in range(len(head))]
    head_cells = "".join(
        f'<th scope="col"{side}>{_text(name)}</th>' for name, side in zip(head, sides, strict=True)
    )
    body = []
    for number, row in enumerate(rows):
        link = None if links is None else links[number]
        name = _text(row[0]) if link is None else f'<a href="{_text(link)}">{_text(row[0])}</a>'
        cells = [f'<th scope="row">{name}</th>']
        for column, value in enumerate(row[1:], start=1):
            share = 0.0 if shares is None else shares[number][column - 1]
            style = f' style="--share:{share:.3f}"' if share > 0 else ""
            cells.append(f"<td{sides[column]}{style}>{_text(value)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    kind = ' class="matrix"' if is_matrix else ""
    tall = " tall" if len(rows) > _TALL and not is_matrix else ""
    return (
        f'<div class="scroll{tall}" role="region" tabindex="0" aria-label="{_text(caption)}">'
        f"<table{kind}><caption>{_text(caption)}</caption><thead><tr>{head_cells}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Return the names, each with a line of its colour, which is CSS."""
    items = "".join(
        f'<li><span class="swatch" style="background:{color}"></span>{_text(name)}</li>'
        for name, color in entries
    )
    return f'<ul class="legend">{items}</ul>'


def figure(picture: Image.Image, caption: str, anchor: str = "") -> str:
    """Return a picture as JPEG inside of the page; `anchor` names its place for links."""
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=QUALITY)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    size = f'width="{picture.width}" height="{picture.height}"'
    image = f'<img {size} alt="{_text(caption)}" src="data:image/jpeg;base64,{data}">'
    return figure_of(image, caption, anchor)


def figure_of(content: str, caption: str, anchor: str = "") -> str:
    """HTML `content` with its caption; `anchor` names its place for links."""
    place = f' id="{_text(anchor)}"' if anchor else ""
    return f"<figure{place}>{content}<figcaption>{_text(caption)}</figcaption></figure>"


def titled(title: str, content: str) -> str:
    """HTML `content` under its title."""
    return f'<figure><figcaption class="title">{_text(title)}</figcaption>{content}</figure>'


def grid(parts: Sequence[str], kind: str) -> str:
    """HTML `parts` beside each other, as many as fit; `kind` is a class of the style."""
    return f'<div class="{kind}">{"".join(parts)}</div>' if parts else ""


def _facts(facts: Sequence[Fact]) -> str:
    items = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}<small>{_text(note)}</small></dd></div>"
        for name, value, note in facts
    )
    return f"<dl>{items}</dl>" if items else ""


def _text(text: str) -> str:
    return html.escape(text)
