"""All errors for users: their families, their codes, and the exit codes of the command line.

A message says what is wrong, where, why it matters and what to do, in that order. The table
`CODES` is the only list of codes; raising an error with a code that is not in it fails at once.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable
from typing import ClassVar, Final

CODES: Final[dict[str, str]] = {
    "R01": "the run was interrupted",
    "R02": "a file could not be written",
    "R03": "training diverged",
    "R04": "a part of the machine is missing or too small",
    "R05": "another process of the same work ended early",
    "R06": "the files of a run are damaged, or are not those it began with",
    "R07": "another process is at work in the same folder",
    "R08": "a request is beyond the limits of the server",
    "R09": "a request is not one that the server takes",
    "R10": "the server made a mistake while it answered",
    "U01": "a name is not known",
    "U02": "a setting is not known",
    "U03": "a setting has a value that cannot be used",
    "U04": "options contradict each other, or one is missing",
    "D01": "a file or folder is missing",
    "D02": "an image cannot be read",
    "D03": "an annotation file cannot be read",
    "D04": "an annotation file is not one that can be used",
    "D05": "an id is used twice, or two ids for one image file",
    "D06": "an annotation belongs to no image of the file",
    "D07": "an annotation has an unknown category",
    "D08": "an annotation has no usable box",
    "D09": "an annotation has no usable mask",
    "D10": "an image has another size than in the file",
    "D11": "there is nothing to train on or to evaluate",
    "D12": "a semantic map cannot be used",
    "D13": "two files do not agree on the classes",
    "D14": "a configuration file of MMDetection cannot be read",
    "D15": "a panoptic map cannot be used",
    "D16": "results cannot be handed in to a test server",
    "M01": "weights are not available",
    "M02": "a file is not a relook model",
    "M03": "a file was written by a newer relook",
    "M04": "weights do not fit the model",
    "M05": "an input cannot be fed to the model",
    "M06": "a download failed",
    "M07": "a checkpoint has objects that are not allowed",
    "M08": "a part of a model that is not relook's cannot be used",
    "M09": "a model cannot be exported",
}
LONGEST_MESSAGE: Final = 4000  # characters; what a file says may be of any length
_LONGEST_NAME: Final = 100  # characters that are compared with known names
_END: Final = 600  # characters of the end, where the remedy stands


class RelookError(Exception):
    """Base of all errors that relook raises on purpose; `str(error)` is ready for the user."""

    family: ClassVar[str] = "runtime"
    initial: ClassVar[str] = "R"
    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str) -> None:
        if code not in CODES or not code.startswith(self.initial):
            raise KeyError(f"{code} is not a code of the {self.family} family")
        if len(message) > LONGEST_MESSAGE:
            left_out = len(message) - LONGEST_MESSAGE
            start, end = message[: LONGEST_MESSAGE - _END], message[-_END:]
            message = f"{start} [{left_out:,} characters left out] {end}"
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.family} error {self.code}: {self.message}"


class UsageError(RelookError):
    """A request for something that does not exist, or for a combination that is not possible."""

    family = "usage"
    initial = "U"
    exit_code = 2


class DataError(RelookError):
    """An image, an annotation file or a map cannot be used."""

    family = "data"
    initial = "D"
    exit_code = 3


class ModelError(RelookError):
    """A model file, its weights or its input do not fit."""

    family = "model"
    initial = "M"
    exit_code = 4


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun: ``1 image``, ``2 images``; `plural` where it takes more than an s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def first_few(names: Iterable[object], limit: int) -> str:
    """The first `limit` of `names`, for a message: ``a, b, ...`` where there are more."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:limit]) + (", ..." if len(texts) > limit else "")


def brief(value: object) -> str:
    """`value` as Python writes it, cut: a few entries of each container, 80 characters of a text.

    Also for values of a hostile file, such as numbers of more digits than Python writes.
    """
    return _BRIEF.repr(value)


class _Brief(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        if x.bit_length() > 256:
            return f"a number of {x.bit_length()} bits"
        return repr(x)


_BRIEF: Final = _Brief()
_BRIEF.maxstring = _BRIEF.maxother = 80
_BRIEF.maxlevel = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Half a sentence for a message about a typo: the closest known name, or all of them."""
    names = [str(k) for k in known]
    close = difflib.get_close_matches(name[:_LONGEST_NAME], names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
