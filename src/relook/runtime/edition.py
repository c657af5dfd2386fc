"""The two packages that this code is installed by: relook with all of it, and relook-onnx with
what predicts from ONNX files, and nothing that needs PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from ..errors import UsageError


def is_whole() -> bool:
    """Return whether all of relook is installed, and not relook-onnx."""
    return find_spec("relook.models") is not None


def warning() -> str | None:
    """A warning where both packages are installed, of which one has written over the other."""
    try:
        both = version("relook"), version("relook-onnx")
    except PackageNotFoundError:
        return None
    return (
        f"relook {both[0]} and relook-onnx {both[1]} are both installed, and have the same "
        "modules: uninstall both, then install the one that you want"
    )


def extra(name: str) -> str:
    """The command that installs the packages of the extra called `name`."""
    return f"pip install '{'relook' if is_whole() else 'relook-onnx'}[{name}]'"


@contextmanager
def needing(subject: str, package: str, remedy: str) -> Iterator[None]:
    """Import `package` in a block, which `subject` needs; `remedy` installs it.

    Raises:
        UsageError: U04 where it is not installed.
    """
    try:
        yield
    except ImportError:
        raise UsageError(
            "U04", f"{subject} needs {package}, which is not installed: {remedy}."
        ) from None


def check_whole(subject: str) -> None:
    """Check that all of relook is installed, which `subject` needs.

    Raises:
        UsageError: U04 where it is relook-onnx.
    """
    if not is_whole():
        raise UsageError(
            "U04",
            f"{subject} needs relook, and relook-onnx is installed, which predicts from the ONNX "
            "files that `relook export` writes. Both have the same modules: uninstall relook-onnx, "
            "then install relook.",
        )
