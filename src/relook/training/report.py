"""One page about a run, in one file: curves, numbers, pictures. No script, nothing fetched."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

WIDTH, HEIGHT, MARGIN = 640, 220, 44
COLOURS = ("#1f6feb", "#d1541d", "#2e8540", "#8250df", "#9a6700", "#57606a")
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;"
    "color:#1f2328;background:#fff}table{border-collapse:collapse}td,th{padding:.2rem .8rem;"
    "text-align:right;border-bottom:1px solid #d0d7de}td:first-child,th:first-child"
    "{text-align:left}img{max-width:100%;height:auto}pre{background:#f6f8fa;padding:1rem;"
    "overflow-x:auto}figure{margin:1rem 0}figcaption{color:#57606a}"
)
Point = tuple[float, float]


def report_page(
    title: str,
    plan: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    tables: Sequence[str],
    pictures: Sequence[tuple[str, Image.Image]],
) -> str:
    """HTML of the whole page; `tables` are plain text, `pictures` come with their captions."""
    losses = {"loss": _series(rows, "loss")}
    precision = {
        name: _series(rows, key)
        for name, key in (("mask AP", "val/mask_ap"), ("box AP", "val/box_ap"))
    }
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        *(f"<pre>{html.escape(table)}</pre>" for table in tables),
        "<h2>Average precision</h2>",
        line_chart(precision, "step"),
        "<h2>Loss</h2>",
        line_chart(losses, "step"),
        _final_losses(rows),
        "<h2>Pictures</h2>" if pictures else "",
        *(_figure(caption, picture) for caption, picture in pictures),
        "<h2>Plan</h2>",
        f"<pre>{html.escape(chr(10).join(plan))}</pre>",
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>"
    )
    return head + "\n".join(part for part in parts if part) + "</body></html>\n"


def line_chart(series: Mapping[str, Sequence[Point]], across: str) -> str:
    """An SVG of named curves with their ranges written at the axes; words if there are none."""
    curves = {name: points for name, points in series.items() if points}
    if not curves:
        return "<p>Nothing was recorded.</p>"
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    x_low, x_high, y_low, y_high = min(xs), max(xs), min(0.0, *ys), max(*ys, 1e-9)

    def place(point: Point) -> str:
        x = MARGIN + (point[0] - x_low) / max(x_high - x_low, 1e-9) * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - (point[1] - y_low) / (y_high - y_low) * (HEIGHT - 2 * MARGIN)
        return f"{x:.1f},{y:.1f}"

    drawn = []
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(point) for point in points)
        drawn.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        label = f"{html.escape(name)}: {points[-1][1]:.4g}"
        x = MARGIN + 160 * number
        drawn.append(f'<text x="{x}" y="20" fill="{colour}" font-size="13">{label}</text>')
    floor = HEIGHT - MARGIN
    axes = (
        f'<path d="M{MARGIN} {MARGIN}V{floor}H{WIDTH - MARGIN}" fill="none" stroke="#8c959f"/>'
        f'<text x="4" y="{floor}" font-size="12">{y_low:.3g}</text>'
        f'<text x="4" y="{MARGIN + 4}" font-size="12">{y_high:.3g}</text>'
        f'<text x="{MARGIN}" y="{HEIGHT - 20}" font-size="12">{across} {x_low:.0f}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 20}" font-size="12" text-anchor="end">'
        f"{x_high:.0f}</text>"
    )
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{axes}{"".join(drawn)}</svg>'


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> list[Point]:
    points = [(float(row["step"]), float(row[key])) for row in rows if key in row]
    return [(x, y) for x, y in points if math.isfinite(y)]


def _final_losses(rows: Sequence[Mapping[str, Any]]) -> str:
    known = [row for row in rows if "loss" in row]
    if not known:
        return ""
    fixed = {"step", "epoch", "lr", "seconds_per_step"}
    cells = [
        f"<tr><td>{html.escape(name)}</td><td>{known[0].get(name, 0):.4f}</td>"
        f"<td>{value:.4f}</td></tr>"
        for name, value in known[-1].items()
        if name not in fixed
    ]
    return f"<table><tr><th>loss</th><th>first</th><th>last</th></tr>{''.join(cells)}</table>"


def _figure(caption: str, picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    image = f'<img alt="{html.escape(caption)}" src="data:image/jpeg;base64,{data}">'
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"
