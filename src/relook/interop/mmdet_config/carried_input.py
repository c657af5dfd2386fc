"""Conversion of MMDetection pipelines: size and normalisation of images, and classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..classes import told_apart
from .account import Account, is_equal
from .unreadable import Unreadable

_TEST = (
    "test_dataloader.dataset",
    "val_dataloader.dataset",
    "data.test",
    "data.val",
    "",  # pipelines by their own name
)
_TRAIN = ("train_dataloader.dataset", "data.train")
_CLASSES = ("metainfo.classes", "metainfo.CLASSES", "classes", "CLASSES")
_DEEPEST = 5  # nested data sets


class Order(NamedTuple):
    """Order of the channels that the network gets, and whether pixels are divided."""

    blue_first: bool = False
    undivided: bool = False  # blue first, and only a mean is subtracted: the Caffe style


def carry_input(account: Account) -> Order:
    """Carry over size and normalisation of images; return the order of their channels."""
    steps = dict(pipeline(account, test=True))
    for path, kind in steps.items():
        if kind in {"Resize", "MultiScaleFlipAug"}:
            _carry_size(account, path)
        elif kind == "Pad" and account.has(f"{path}.size_divisor"):
            account.check(f"{path}.size_divisor", (32,))
    normalise = [path for path, kind in steps.items() if kind == "Normalize"]
    if account.has("model.data_preprocessor.mean"):
        return _carry_normalisation(account, "model.data_preprocessor", "bgr_to_rgb")
    for path in normalise[:1] or ["img_norm_cfg"]:
        if account.has(f"{path}.mean"):
            return _carry_normalisation(account, path, "to_rgb")
    return Order()


def pipeline(account: Account, *, test: bool) -> Iterator[tuple[str, str]]:
    """(path, name) of each step of a pipeline; nested steps follow their outer step."""
    for dataset in _TEST if test else (*_TRAIN, ""):
        for inner in _datasets(account, dataset) if dataset else [dataset]:
            name = f"{inner}.pipeline" if dataset else f"{'test' if test else 'train'}_pipeline"
            if isinstance(account.get(name), list | tuple):
                yield from _steps(account, name)
                return


def _steps(account: Account, path: str) -> Iterator[tuple[str, str]]:
    for step in account.expand(f"{path}.*"):
        yield step, account.kind(step)
        if isinstance(account.get(f"{step}.transforms"), list | tuple) and path.count(".") < 20:
            yield from _steps(account, f"{step}.transforms")


def _datasets(account: Account, path: str) -> list[str]:
    """Paths of a data set, and of the data sets inside it."""
    paths = [path]
    while account.has(f"{paths[-1]}.dataset") and len(paths) < _DEEPEST:
        paths.append(f"{paths[-1]}.dataset")
    return paths


def _carry_size(account: Account, path: str) -> None:
    where = account.first(f"{path}.img_scale", f"{path}.scale")
    if where is not None:
        sides = account.get(where)
        if isinstance(sides, list | tuple) and len(sides) == 1:
            sides = sides[0]
        if limits := as_limits(sides):
            account.set(where, "input.size", limits)
        else:
            account.ignore(where, "one pair of side lengths was expected; relook tests at one size")
    if account.has(f"{path}.keep_ratio"):
        account.check(f"{path}.keep_ratio", (True,))
    if account.has(f"{path}.flip"):
        account.check(f"{path}.flip", (False,))


def as_limits(sides: Any) -> tuple[int, int] | None:
    """(long, short) of a pair of whole numbers in any order."""
    if not isinstance(sides, list | tuple) or len(sides) != 2:
        return None
    if not all(type(side) is int for side in sides):
        return None
    return max(sides), min(sides)


def _carry_normalisation(account: Account, path: str, turn: str) -> Order:
    """Carry over `mean` and `std`, which are in the network's order of channels: RGB if turned."""
    means, stds = account.numbers(f"{path}.mean"), account.numbers(f"{path}.std")
    if means is None or stds is None or len(means) != 3 or len(stds) != 3:
        account.reject(f"{path}.mean", "mean and std were expected, three numbers each")
        return Order()
    turned = account.flag(f"{path}.{turn}") if account.has(f"{path}.{turn}") else True
    if turned is False:
        means, stds = means[::-1], stds[::-1]
    paths = [f"{path}.mean", f"{path}.std"]
    account.set_all(paths, {"input.mean": means, "input.std": stds})
    if turned is not False:
        if account.has(f"{path}.{turn}"):
            account.check(f"{path}.{turn}", (True,))
        return Order()
    account.use(
        f"{path}.{turn}",
        "mean and std as red, green, blue; the channels of the first convolution are turned, too",
    )
    return Order(True, is_equal(stds, (1, 1, 1)))


def carry_classes(account: Account) -> tuple[str, ...] | None:
    """The names of the classes in the order of their labels; None when there are none."""
    classes: tuple[str, ...] | None = None
    for path in _class_paths(account):
        names = account.get(path)
        reason = _unusable(names)
        if not reason and len(names) != account.config.num_classes:
            reason = f"{len(names)} names for {account.config.num_classes} classes of the model"
        if reason:
            account.conflict(path, reason)
        elif classes is None or classes == told_apart(names):
            classes = told_apart(names)
            account.use(path, "classes")
        else:
            account.conflict(path, "another part of the file has other classes; those were taken")
    return classes


def names_classes(account: Account) -> bool:
    """Return whether some part of the file names classes."""
    return any(True for _ in _class_paths(account))


def _class_paths(account: Account) -> Iterator[str]:
    parts = [
        inner
        for dataset in (*_TRAIN, *_TEST[:-1])
        for inner in _datasets(account, dataset)
        if account.has(dataset)
    ]
    for name in _CLASSES:
        for path in [*(f"{part}.{name}" for part in parts), name]:
            if account.has(path):
                yield path


def _unusable(names: Any) -> str:
    if isinstance(names, Unreadable):
        return "the names of the classes are not known; give them as a text file"
    if not isinstance(names, list | tuple):
        return "a list of names was expected; give them as a text file"
    if not names or not all(isinstance(name, str) and name for name in names):
        return "every class needs a name"
    return ""
