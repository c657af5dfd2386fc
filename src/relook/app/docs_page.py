"""A plain page about the routes for programs, which needs no script and no other server."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, Final

from .fields import FIELDS
from .negotiation import ANSWERS, ZIP

_EXAMPLES: Final = """curl -F images=@a.png {address}/predict
curl -F images=@a.png -F images=@b.tif -F score=0.5 -H 'Accept: text/csv' {address}/predict
curl --data-binary @a.png -H 'Content-Type: image/png' \\
     -H 'Accept: image/png;kind=overlay' {address}/predict -o drawn.png"""
_ROUTES: Final = (
    ("POST /predict", "objects in one or several images"),
    ("GET /models", "the models, and what they find"),
    ("GET /health", "whether the process answers"),
    ("GET /health/ready", "whether it takes predictions"),
    ("GET /metrics", "numbers for Prometheus"),
    ("GET /openapi.json", "all of this for programs"),
)


def docs_page(models: Iterable[dict[str, Any]], address: str) -> str:
    """The page as HTML; `models` as `ModelShelf.describe` gives them."""
    found = (
        (model["name"], ", ".join(item["name"] for item in model["classes"])) for model in models
    )
    kinds = ((f"{name} ({answer.media})", answer.words) for name, answer in ANSWERS.items())
    fields = ((f"{name}={field.example}", field.words) for name, field in FIELDS.items())
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><title>relook serve</title>',
            '<meta name="viewport" content="width=device-width"></head><body>',
            "<h1>relook serve</h1>",
            f"<pre>{escape(_EXAMPLES.format(address=address))}</pre>",
            *_list("Addresses", _ROUTES),
            *_list("Models", found),
            *_list(
                "Answers, by Accept", [*kinds, (ZIP, "a file of the field kind for each image")]
            ),
            *_list("Fields, in the address or in the form", fields),
            "</body></html>",
        ]
    )


def _list(title: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    entries = [f"<dt><code>{escape(a)}</code></dt><dd>{escape(b)}</dd>" for a, b in rows]
    return [f"<h2>{escape(title)}</h2>", "<dl>", *entries, "</dl>"]
