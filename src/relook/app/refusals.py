"""Errors as answers: a status, and a code, what is wrong and the remedy as json."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from ..errors import DataError, RelookError, counted, first_few

_SENTENCE: Final = re.compile(r"(?<=[.?!]) (?=[A-Z`'\d])")
_STATUS: Final = {"R04": 503, "R08": 413, "R09": 400}
_OF_REQUEST: Final = ("D", "U")  # families whose errors are about what a request brought
_OF_INPUT: Final = ("M04", "M05")  # of the model, about an image or an option


class Refusal(RelookError):
    """A request that the server does not answer, with the status of HTTP for it.

    Args:
        status: Status of HTTP.
        what: What is wrong, as a sentence without its full stop.
        remedy: What to do, as a whole sentence.
        code: R08 for what is beyond the limits of the server, R09 for what it does not take.
        headers: Of the answer.
    """

    def __init__(
        self,
        status: int,
        what: str,
        remedy: str,
        *,
        code: str = "R09",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, f"{what}. {remedy}")
        self.status, self.what, self.remedy = status, f"{what}.", remedy
        self.headers = dict(headers or {})

    @classmethod
    def beyond(cls, status: int, what: str, remedy: str) -> Self:
        """The refusal of what is beyond the limits of the server."""
        return cls(status, what, remedy, code="R08")

    @classmethod
    def busy(cls, what: str, wait: float) -> Self:
        """429, with the seconds after which a new try makes sense."""
        seconds = max(1, math.ceil(wait))
        return cls(
            429,
            what,
            f"Try again in {seconds} s.",
            code="R08",
            headers={"Retry-After": str(seconds)},
        )

    @classmethod
    def stopping(cls) -> Self:
        """503 of a server that finishes what was begun and takes nothing new."""
        return cls(
            503,
            "the server is being stopped, and finishes what was begun",
            "Try again when it is back.",
            code="R08",
            headers={"Retry-After": "10", "Connection": "close"},
        )

    @classmethod
    def late(cls, seconds: float) -> Self:
        """504 for a prediction that took longer than the limit."""
        return cls.beyond(
            504,
            f"there was no result within {seconds:g} s, and the prediction was given up",
            "Send a smaller image or fewer at a time, or start the server with more --seconds.",
        )


class BadImages(DataError):
    """Several images of which some cannot be used: no one is predicted.

    Args:
        bad: Number from 1, name and error of each that cannot be used.
        images: Number of all.
    """

    def __init__(self, bad: Sequence[tuple[int, str, DataError]], images: int) -> None:
        names = first_few((name for _, name, _ in bad), 5)
        super().__init__(
            bad[0][2].code,
            f"{len(bad)} of {counted(images, 'image')} cannot be used, and none was predicted: "
            f"{names}. Send the others without them.",
        )
        self.records = [
            {"number": number, "name": name, **error_record(error)} for number, name, error in bad
        ]


def status_of(error: RelookError) -> int:
    """The status of HTTP for an error: 422 where it is about an image or an option."""
    if isinstance(error, Refusal):
        return error.status
    if error.initial in _OF_REQUEST or error.code in _OF_INPUT:
        return 422
    return _STATUS.get(error.code, 500)


def error_record(error: RelookError) -> dict[str, Any]:
    """``code``, ``what`` and ``remedy`` of an error; both texts together are its message.

    The remedy is the last sentence of a message with several, and empty where there is only one.
    """
    if isinstance(error, Refusal):
        return {"code": error.code, "what": error.what, "remedy": error.remedy}
    *first, last = _SENTENCE.split(error.message)
    what, remedy = (" ".join(first), last) if first else (last, "")
    record: dict[str, Any] = {"code": error.code, "what": what, "remedy": remedy}
    if isinstance(error, BadImages):
        record["images"] = error.records
    return record


def defect_record() -> dict[str, Any]:
    """The record of an exception that nobody expected."""
    return {
        "code": "R10",
        "what": "the server made a mistake while it answered; its log says which.",
        "remedy": "Report it with the lines of the log. Other requests are not affected.",
    }
