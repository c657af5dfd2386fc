"""Files in a folder of images by the names that annotation files give them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

How = Literal["as written", "by Unicode form", "by upper and lower case", "by base name"]

AS_WRITTEN: Final = "as written"
BY_BASE_NAME: Final = "by base name"
_PLAIN: Final = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)  # a name in any system


class Found(NamedTuple):
    """The file of a name, and how it was found."""

    path: Path
    how: How


class ImageFolder:
    """The files below a folder; they are listed when a name is not found as it is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str) -> Found | None:
        """The file of a name that is not there as written, or None.

        The name is compared by its Unicode form, then without upper and lower case, then by its
        last part, also of an address; each must fit one file only.
        """
        relative = safe_relative(name.strip())
        if relative is not None:
            for how, key, table in (
                ("by Unicode form", composed(str(relative)), self._by_form),
                ("by upper and lower case", folded(str(relative)), self._by_case),
            ):
                paths = table.get(key, ())
                if len(paths) == 1:
                    return Found(self.folder / paths[0], how)  # type: ignore[arg-type]
        for base in base_names(name.strip()):
            for table in (self._by_base, self._by_base_case):
                key = composed(base) if table is self._by_base else folded(base)
                paths = table.get(key, ())
                if len(paths) == 1:
                    return Found(self.folder / paths[0], "by base name")
                if paths:
                    return None
        return None

    def near(self, name: str) -> str | None:
        """A file with the name but for its ending; None where there is none, or several."""
        bases = base_names(name.strip())
        paths = self._by_stem.get(folded(PurePosixPath(bases[0]).stem), ()) if bases else ()
        return paths[0] if len(paths) == 1 else None

    @cached_property
    def names(self) -> list[str]:
        """Paths of all files below the folder, relative to it, with slashes between."""
        found = []
        for parent, _, files in os.walk(self.folder):
            inner = Path(parent).relative_to(self.folder).as_posix()
            found += [file if inner == "." else f"{inner}/{file}" for file in files]
        return found

    @cached_property
    def _by_form(self) -> dict[str, list[str]]:
        return self._grouped(composed)

    @cached_property
    def _by_case(self) -> dict[str, list[str]]:
        return self._grouped(folded)

    @cached_property
    def _by_base(self) -> dict[str, list[str]]:
        return self._grouped(lambda name: composed(name.rpartition("/")[2]))

    @cached_property
    def _by_base_case(self) -> dict[str, list[str]]:
        return self._grouped(lambda name: folded(name.rpartition("/")[2]))

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return self._grouped(lambda name: folded(PurePosixPath(name).stem))

    def _grouped(self, key_of: Callable[[str], str]) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self.names:
            groups[key_of(name)].append(name)
        return groups


def safe_relative(name: str) -> PurePosixPath | None:
    """`name`, with either kind of slash, as a path that stays in its folder; None for others."""
    if _PLAIN.fullmatch(name):
        return PurePosixPath(name)
    windows = PureWindowsPath(name)  # knows both kinds of slashes, and drives
    if windows.anchor or windows.drive or ".." in windows.parts or "\0" in name:
        return None
    return PurePosixPath(*windows.parts)


def base_names(name: str) -> list[str]:
    """Last parts that a path or an address may mean: as written, without a query, decoded."""
    last = PureWindowsPath(name.replace("\0", "")).name
    found = [last]
    if "?" in name or "#" in name or "%" in name or "://" in name:
        plain = name.partition("?")[0].partition("#")[0]
        found += [plain.replace("\\", "/").rpartition("/")[2]]
        found += [unquote(found[-1]).rpartition("/")[2]]
        query = unquote(name.partition("?")[2])  # ?d=folder/name.png, as Label Studio writes it
        found += [query.replace("\\", "/").rpartition("/")[2]]
    return [base for base in dict.fromkeys(found) if base and base not in (".", "..")]


def composed(name: str) -> str:
    """A name in composed Unicode: one code for a letter with its accent."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """A name without upper and lower case, composed."""
    return composed(composed(name).casefold())
