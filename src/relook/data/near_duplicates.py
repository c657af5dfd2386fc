"""Near-identical images: the same picture resized, saved again, or a little brighter.

A perceptual hash of 63 bits proposes pairs: the signs of the lowest frequencies of a small grey
thumbnail against their median. A proposed pair counts only where the fine detail of the two
thumbnails agrees as well, on the whole and in most blocks of them. Two fields of one culture have
the same illumination, the same density of cells and often the same bright scale bar, and therefore
similar low frequencies, but other cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError, counted, first_few
from ..structures.rules.reading import DEFAULT_READING, Reading
from .images.orientation import UPRIGHT, upright
from .thumbnails import SIDE, Thumbnail, read_thumbnail

MAX_DISTANCE: Final = 10
"""Bits of 63 in which the hashes of two near-identical images may differ."""

_ALIKE: Final = 0.8  # least correlation of the fine detail of two near-identical images
_COARSE: Final = 3.0  # pixels of the thumbnail: structures wider than it are no detail
_FINE: Final = 0.7  # pixels: noise below it is no detail either
_PLAIN: Final = 0.5  # grey levels, standard deviation of the detail of an image that shows nothing
_CELL: Final = 8  # pixels of the thumbnail: side of a block that is compared by itself
_SHOWN: Final = 1.5  # grey levels, standard deviation of a block in which there is something
_ALIKE_IN_CELL: Final = 0.5  # least correlation of the detail of a block
_SHARE: Final = 0.7  # of the blocks in which there is something, that must agree
_BLOCK: Final = 512  # images whose hashes are compared with all others at a time
_THREADS: Final = 4
_ALL_TURNS: Final = tuple(range(1, 9))  # orientations; the first is upright

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class NearDuplicates:
    """Near-identical images among a list of files; images are named by their place in it."""

    groups: tuple[tuple[int, ...], ...]
    """Ascending places of images that are near-identical, each group of two or more."""
    pairs: tuple[tuple[int, int], ...]
    """The pairs that were found, of which groups are made."""
    unreadable: tuple[tuple[int, str], ...]
    """Images that were not compared since they cannot be read, with the reason."""
    plain: tuple[int, ...]
    """Images that were not compared since they show nothing, such as black ones."""

    def lines(self, names: Sequence[str]) -> list[str]:
        """Lines on what was found and not compared, for people; `names` are those of the files."""
        lines = []
        if self.groups:
            many = sum(map(len, self.groups))
            first = ", ".join(names[place] for place in self.groups[0][:3])
            groups = counted(len(self.groups), "group")
            lines.append(
                f"near-identical images: {groups} of {many} images in all (first: {first})"
            )
        if self.unreadable:
            few = first_few((names[place] for place, _ in self.unreadable), 3)
            images = counted(len(self.unreadable), "image")
            lines.append(f"not compared: {images} that cannot be read ({few})")
        if self.plain:
            few = first_few((names[place] for place in self.plain), 3)
            lines.append(
                f"not compared: {counted(len(self.plain), 'image')} without detail ({few})"
            )
        return lines


def near_duplicates(
    paths: Sequence[Path | str],
    *,
    max_distance: int = MAX_DISTANCE,
    flips: bool = False,
    reading: Reading = DEFAULT_READING,
) -> list[tuple[int, ...]]:
    """Groups of near-identical images among the files `paths`: tuples of their places, ascending.

    Images resized, saved as JPEG, or a little brighter or darker are near-identical, and with
    `flips` also those that are mirrored or turned by quarter turns. Images that cannot be read, or
    that show nothing, are in no group; `find_near_duplicates` says which.

    Raises:
        UsageError: U03 for a `max_distance` that is no number of bits from 0 to 63.
    """
    found = find_near_duplicates(paths, max_distance=max_distance, flips=flips, reading=reading)
    return list(found.groups)


def find_near_duplicates(
    paths: Sequence[Path | str],
    *,
    max_distance: int = MAX_DISTANCE,
    flips: bool = False,
    reading: Reading = DEFAULT_READING,
    progress: Progress | None = None,
) -> NearDuplicates:
    """Return what `near_duplicates` finds, with pairs and with what was not compared.

    `progress` is told how many images have been read, of how many.

    Raises:
        UsageError: as `near_duplicates`.
    """
    if not 0 <= max_distance <= 63:
        raise UsageError("U03", f"max_distance is {max_distance}; it must be from 0 to 63 bits.")
    places: list[int] = []
    thumbnails: list[Thumbnail] = []
    unreadable: list[tuple[int, str]] = []
    plain: list[int] = []
    for place, outcome in enumerate(_thumbnails(paths, reading)):
        if isinstance(outcome, DataError):
            unreadable.append((place, str(outcome)))
        elif float(_detail(outcome).std()) < _PLAIN:
            plain.append(place)
        else:
            places.append(place)
            thumbnails.append(outcome)
        if progress is not None:
            progress(place + 1, len(paths))
    found = sorted(set(_pairs(thumbnails, max_distance, flips)))
    pairs = tuple((places[a], places[b]) for a, b in found)
    return NearDuplicates(
        groups=tuple(joined(len(paths), pairs)),
        pairs=pairs,
        unreadable=tuple(unreadable),
        plain=tuple(plain),
    )


def joined(number: int, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Groups of two or more of the places below `number` that `pairs` connect, in order."""
    root = list(range(number))

    def first(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    for a, b in pairs:
        low, high = sorted((first(a), first(b)))
        root[high] = low
    groups: dict[int, list[int]] = {}
    for place in range(number):
        groups.setdefault(first(place), []).append(place)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _thumbnails(paths: Sequence[Path | str], reading: Reading) -> Iterator[Thumbnail | DataError]:
    """The thumbnail of each file, or why it has none, in order."""

    def read(path: Path | str) -> Thumbnail | DataError:
        try:
            return read_thumbnail(Path(path), reading)
        except DataError as error:
            return error

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="relook-thumbnails") as pool:
        yield from pool.map(read, paths)


def _pairs(
    thumbnails: Sequence[Thumbnail], max_distance: int, flips: bool
) -> Iterator[tuple[int, int]]:
    """Pairs (a, b) with a < b of near-identical thumbnails."""
    if len(thumbnails) < 2:
        return
    hashes = _hashes(thumbnails)
    for turn in _ALL_TURNS if flips else _ALL_TURNS[:1]:
        others = hashes if turn == UPRIGHT else _hashes(_turned(t, turn) for t in thumbnails)
        for a, b in _close(hashes, others, max_distance):
            if _agree(_detail(thumbnails[a]), _detail(_turned(thumbnails[b], turn))):
                yield a, b


def _turned(thumbnail: Thumbnail, turn: int) -> Thumbnail:
    return np.ascontiguousarray(upright(thumbnail, turn))


def _hashes(thumbnails: Iterable[Thumbnail]) -> NDArray[np.uint64]:
    return np.array([_hash(thumbnail) for thumbnail in thumbnails], dtype=np.uint64)


def _close(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64], max_distance: int
) -> Iterator[tuple[int, int]]:
    """Places (a, b) with a < b of hashes that differ from the other ones in few bits."""
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK, None] ^ others[None, start:]
        rows, columns = np.nonzero(np.bitwise_count(block) <= max_distance)
        after = columns > rows
        for row, column in zip(rows[after].tolist(), columns[after].tolist(), strict=True):
            yield start + row, start + column


def _hash(thumbnail: Thumbnail) -> int:
    """The signs of 63 low frequencies of a thumbnail against their median, as bits."""
    size = (SIDE // 2, SIDE // 2)
    small = cv2.resize(thumbnail, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    frequencies = np.asarray(cv2.dct(small))[:8, :8].ravel()[1:]
    bits = frequencies > np.median(frequencies)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _detail(thumbnail: Thumbnail) -> NDArray[np.float32]:
    """A thumbnail without wide structures and without noise; zero for a plain one."""
    values = thumbnail.astype(np.float32)
    values = values - cv2.GaussianBlur(values, (0, 0), _COARSE)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _FINE), dtype=np.float32)


def _agree(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Return whether two details show the same, on the whole and block by block.

    Block by block, since a scale bar or a caption can have more contrast than all cells together.
    """
    if _correlation(a, b) < _ALIKE:
        return False
    cells_a, cells_b = _cells(a), _cells(b)
    spread_a, spread_b = cells_a.std(axis=1), cells_b.std(axis=1)
    shows = np.maximum(spread_a, spread_b) > _SHOWN
    if not shows.any():
        return True
    products = (cells_a * cells_b).mean(axis=1)
    agrees = products[shows] >= _ALIKE_IN_CELL * (spread_a * spread_b)[shows]
    blank = np.minimum(spread_a, spread_b)[shows] == 0
    return bool((agrees & ~blank).mean() >= _SHARE)


def _cells(detail: NDArray[np.float32]) -> NDArray[np.float32]:
    """The blocks of a detail as rows, each with a mean of 0."""
    count = SIDE // _CELL
    blocks = detail.reshape(count, _CELL, count, _CELL).swapaxes(1, 2).reshape(count**2, -1)
    return np.asarray(blocks - blocks.mean(axis=1, keepdims=True), dtype=np.float32)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    centred_a, centred_b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(centred_a) * np.linalg.norm(centred_b))
    return float((centred_a * centred_b).sum()) / size if size > 0 else 0.0
