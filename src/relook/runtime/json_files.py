"""Reading of json files that relook wrote, which may have been damaged or edited since."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from ..errors import DataError

T = TypeVar("T")


def read_json(path: Path, kind: type[T], remedy: str) -> T:
    """The value of `kind` in a file: a dataclass, a named tuple, a dictionary of some kind.

    `remedy` is a sentence that says what to do when the file is damaged.

    Raises:
        DataError: D01 when there is no such file, D03 when it cannot be read as that kind.
    """
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise DataError("D01", f"{path}: there is no such file. {remedy}") from None
    except OSError as error:
        raise DataError("D03", f"{path} cannot be read: {error.strerror or error}.") from None
    except ValidationError as error:
        raise DataError("D03", f"{path} is damaged ({_reason(error)}). {remedy}") from None


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where[:80]}: {first['msg'][:200]}" if where else first["msg"][:200]
