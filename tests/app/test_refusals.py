"""Errors as answers."""

from __future__ import annotations

import pytest

from relook.app.refusals import BadImages, Refusal, defect_record, error_record, status_of
from relook.errors import CODES, DataError, ModelError, RelookError, UsageError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DataError("D02", "x"), 422),
        (UsageError("U03", "x"), 422),
        (ModelError("M04", "x"), 422),
        (ModelError("M05", "x"), 422),
        (ModelError("M02", "x"), 500),
        (RelookError("R04", "x"), 503),
        (RelookError("R02", "x"), 500),
        (Refusal.beyond(413, "x", "Y."), 413),
        (Refusal.stopping(), 503),
        (Refusal.late(3), 504),
        (Refusal.busy("x", 0.2), 429),
    ],
)
def test_an_error_has_a_status(error: RelookError, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize(
    ("message", "what", "remedy"),
    [
        ("a.png is empty (0 bytes). Copy it again.", "a.png is empty (0 bytes).", "Copy it again."),
        ("size: expected (1, 2)", "size: expected (1, 2)", ""),
        ("One. Two. `relook x`.", "One. Two.", "`relook x`."),
        ("unknown option 'a.b'; did you mean 'c'?", "unknown option 'a.b'; did you mean 'c'?", ""),
    ],
)
def test_the_last_sentence_is_the_remedy(message: str, what: str, remedy: str) -> None:
    record = error_record(UsageError("U03", message))
    assert record == {"code": "U03", "what": what, "remedy": remedy}
    assert f"{what} {remedy}".strip() == message


def test_a_refusal_says_both_and_when_to_try_again() -> None:
    refusal = Refusal.busy("full", 2.1)
    assert error_record(refusal) == {
        "code": "R08",
        "what": "full.",
        "remedy": "Try again in 3 s.",
    }
    assert refusal.headers == {"Retry-After": "3"}
    assert str(refusal) == "runtime error R08: full. Try again in 3 s."


def test_each_bad_image_is_named() -> None:
    bad = [(2, "b.png", DataError("D02", "b.png is a text file. Give the image."))]
    record = error_record(BadImages(bad, 3))
    assert record["code"] == "D02"
    assert record["what"] == "1 of 3 images cannot be used, and none was predicted: b.png."
    assert record["images"] == [
        {
            "number": 2,
            "name": "b.png",
            "code": "D02",
            "what": "b.png is a text file.",
            "remedy": "Give the image.",
        }
    ]


def test_a_defect_has_a_code_too() -> None:
    assert defect_record()["code"] in CODES
