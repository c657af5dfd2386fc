"""Model files: weights, configuration and classes in one, and the trained models that come along.

`load_model`, `save_model` and `SavedModel` are imported from `weights.file` when first used:
listing the models of `weights.shipped` does not wait for PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .file import SavedModel as SavedModel
    from .file import load_model as load_model
    from .file import save_model as save_model

__all__ = ["SavedModel", "load_model", "save_model"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import file

    return getattr(file, name)
