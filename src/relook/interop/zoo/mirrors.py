"""The cache of downloads, and mirrors that hold the same files.

Mirrors are in the environment variable ``RELOOK_MIRRORS``, separated by commas, or in the file
``mirrors.yaml`` of the cache folder::

    mirrors:
      - https://mirror.example/models            # for every file: its path follows
      - https://download.openmmlab.com/=https://mirror.example/openmmlab/

The second form replaces the beginning of an address. Mirrors are tried in order, the publisher
last; their files must have the published hash.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ...config.yaml_text import BadYaml, load_yaml
from ...errors import UsageError
from ...runtime.connections import is_address

CACHE: Final = "RELOOK_CACHE"  # environment variables
MIRRORS: Final = "RELOOK_MIRRORS"
FILE: Final = "mirrors.yaml"


def cache_folder() -> Path:
    """The folder of downloaded files: ``$RELOOK_CACHE``, else in the system's cache folder."""
    if chosen := os.environ.get(CACHE):
        return Path(chosen).expanduser()
    system = os.environ.get("XDG_CACHE_HOME")
    return (Path(system) if system else Path.home() / ".cache") / "relook"


def addresses(url: str, folder: Path) -> list[str]:
    """Addresses of the file published at `url`: every mirror that covers it, then `url`.

    Mirrors are those of the environment, else those of ``mirrors.yaml`` in `folder`.

    Raises:
        UsageError: U03 for an address that is not http or https, or a file without addresses.
    """
    mirrored = []
    for mirror, source in _listed(folder):
        before, _, after = mirror.rpartition("=") if "=http" in mirror else ("", "", mirror)
        site = "{0.scheme}://{0.netloc}/".format(urlsplit(url))
        start = before or site
        if url.startswith(start):
            base = after if before else f"{after.rstrip('/')}/"
            mirrored.append(_checked(base + url[len(start) :], source))
    return [*dict.fromkeys([*mirrored, _checked(url, "the list of files")])]


def _listed(folder: Path) -> list[tuple[str, str]]:
    """(mirror, its source) of each mirror."""
    if stated := os.environ.get(MIRRORS):
        return [(m.strip(), MIRRORS) for m in stated.split(",") if m.strip()]
    path = folder / FILE
    if not path.is_file():
        return []
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, BadYaml) as error:
        raise UsageError("U03", f"{path} cannot be read: {error}. Correct it.") from error
    mirrors = content.get("mirrors") if isinstance(content, dict) else None
    if not isinstance(mirrors, list) or not all(isinstance(m, str) for m in mirrors):
        raise UsageError(
            "U03", f"{path}: expected `mirrors:` and below it a list of addresses, as text"
        )
    return [(m.strip(), str(path)) for m in mirrors]


def _checked(address: str, source: str) -> str:
    if not is_address(address):
        raise UsageError(
            "U03",
            f"{source}: {address} is no address; it has to start with https:// or http://",
        )
    return address
