"""Descriptions of the routes for programs in `/openapi.json`, with examples."""

from __future__ import annotations

from typing import Any, Final

from .fields import FIELDS
from .negotiation import ANSWERS, ZIP

_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["code", "what", "remedy"],
    "properties": {
        "code": {"type": "string", "description": "One of docs/errors.md."},
        "what": {"type": "string", "description": "What is wrong, and where."},
        "remedy": {"type": "string", "description": "What to do; may be empty."},
        "images": {
            "type": "array",
            "description": "Those of several images that cannot be used.",
            "items": {"type": "object"},
        },
    },
}
_FILE: Final[dict[str, Any]] = {"type": "string", "format": "binary"}
_OBJECT: Final[dict[str, Any]] = {
    "name": "nucleus",
    "category_id": 1,
    "score": 0.93,
    "box": [12.5, 30.1, 40.2, 61.0],
    "mask": {"size": [520, 696], "counts": "..."},
}
_EXAMPLE: Final[dict[str, Any]] = {
    "model": "nuclei",
    "results": [
        {
            "version": 1,
            "source": "a.png",
            "height": 520,
            "width": 696,
            "counts": {"nucleus": 1},
            "objects": [_OBJECT],
        }
    ],
}
_ERRORS: Final = {
    400: ("the form cannot be read", "R09"),
    401: ("a token is wanted", "R09"),
    403: ("a page of another site asked", "R09"),
    406: ("nothing that is accepted can be made", "R09"),
    408: ("the request did not come in time", "R08"),
    413: ("too many bytes, pixels or images", "R08"),
    415: ("another content type than that of an image", "R09"),
    421: ("the server is not called so", "R09"),
    422: ("an image cannot be read, or an option is wrong", "D02"),
    429: ("too much waits; Retry-After says for how long to wait", "R08"),
    500: ("a mistake of the server", "R10"),
    503: ("the server is being stopped, or memory is not enough", "R08"),
    504: ("no result in time", "R08"),
}


def _error(status: int) -> dict[str, Any]:
    words, code = _ERRORS[status]
    example = {"code": code, "what": f"{words}.", "remedy": "..."}
    return {
        "description": words,
        "content": {"application/json": {"schema": _ERROR, "example": example}},
    }


def _parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": field.words,
            "schema": {"type": field.schema},
            "example": field.example,
        }
        for name, field in FIELDS.items()
    ]


def _form_fields() -> dict[str, Any]:
    return {
        name: {"type": field.schema, "description": field.words} for name, field in FIELDS.items()
    }


def _answers() -> dict[str, Any]:
    content: dict[str, Any] = {
        answer.media: {"schema": {"type": "string"} if answer.media == "text/csv" else _FILE}
        for answer in ANSWERS.values()
    }
    content["application/json"] = {"schema": {"type": "object"}, "example": _EXAMPLE}
    content["application/geo+json"] = {"schema": {"type": "object"}}
    return {"description": "the objects", "content": content | {ZIP: {"schema": _FILE}}}


def _request_body() -> dict[str, Any]:
    images = {"type": "array", "items": _FILE}
    form = {"type": "object", "required": ["images"], "properties": {"images": images}}
    form["properties"] |= _form_fields()  # type: ignore[operator]
    return {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": form},
            "image/*": {"schema": _FILE},
            "application/octet-stream": {"schema": _FILE},
        },
    }


def _plain(summary: str, media: str = "application/json") -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {200: {"description": summary, "content": {media: {}}}},
    }


PREDICT: Final[dict[str, Any]] = {
    "summary": "Objects in one or several images",
    "description": "The body is the bytes of an image, or a form with files in the field images. "
    "Fields stand in the address or in the form. Accept chooses the kind of the answer: "
    + "; ".join(f"{name} ({answer.media}): {answer.words}" for name, answer in ANSWERS.items())
    + f"; {ZIP}: a file of the field kind for each image.",
    "responses": {200: _answers()} | {status: _error(status) for status in _ERRORS},
    "openapi_extra": {"parameters": _parameters(), "requestBody": _request_body()},
}
MODELS: Final = _plain("The models, and what they find")
STATE: Final = _plain("Whether the process answers")
READY: Final = _plain("Whether it takes predictions: 503 where it does not")
METRICS: Final = _plain("Numbers for Prometheus", "text/plain")
DOCS: Final = _plain("A page about these routes", "text/html")
