"""relook: detection and instance segmentation with the cascade family that looks twice.

The names in `__all__` are the public, stable interface. They are imported when first used, so
that ``import relook`` does not wait for PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import build as build
    from .api import load as load
    from .config import ModelConfig as ModelConfig
    from .config_base import overlay as overlay
    from .config_parts import Part as Part
    from .describing import describe as describe
    from .detector import Detector as Detector
    from .errors import DataError as DataError
    from .errors import ModelError as ModelError
    from .errors import RelookError as RelookError
    from .errors import UsageError as UsageError
    from .layers import convert_to_sac as convert_to_sac
    from .predictor import Predictor as Predictor
    from .presets import PRESETS as PRESETS
    from .presets import preset as preset
    from .results import Result as Result
    from .types import Detections as Detections
    from .types import ImageBatch as ImageBatch
    from .types import Target as Target
    from .views import TTA as TTA
    from .weights import load_model as load_model
    from .weights import save_model as save_model

__version__ = "0.1.0"

_HOMES = {
    "DataError": "errors",
    "Detections": "types",
    "Detector": "detector",
    "ImageBatch": "types",
    "ModelConfig": "config",
    "ModelError": "errors",
    "PRESETS": "presets",
    "Part": "config_parts",
    "Predictor": "predictor",
    "RelookError": "errors",
    "Result": "results",
    "TTA": "views",
    "Target": "types",
    "UsageError": "errors",
    "build": "api",
    "convert_to_sac": "layers",
    "describe": "describing",
    "load": "api",
    "load_model": "weights",
    "overlay": "config_base",
    "preset": "presets",
    "save_model": "weights",
}

__all__ = [
    "PRESETS",
    "TTA",
    "DataError",
    "Detections",
    "Detector",
    "ImageBatch",
    "ModelConfig",
    "ModelError",
    "Part",
    "Predictor",
    "RelookError",
    "Result",
    "Target",
    "UsageError",
    "__version__",
    "build",
    "convert_to_sac",
    "describe",
    "load",
    "load_model",
    "overlay",
    "preset",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
