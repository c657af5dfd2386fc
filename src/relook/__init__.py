"""relook: detection and instance segmentation with the cascade family that looks twice.

The names in `__all__` are the public, stable interface. They are imported when first used, so
that ``import relook`` does not wait for PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .analysis.summary import describe as describe
    from .api import build as build
    from .api import export_onnx as export_onnx
    from .api import load as load
    from .config.base import overlay as overlay
    from .config.model import ModelConfig as ModelConfig
    from .config.parts import Part as Part
    from .config.presets import PRESETS as PRESETS
    from .config.presets import preset as preset
    from .data.formats.conversion import Conversion as Conversion
    from .data.formats.conversion import convert_labels as convert_labels
    from .data.merging import merge_files as merge_files
    from .data.near_duplicates import near_duplicates as near_duplicates
    from .data.set_statistics import data_statistics as data_statistics
    from .data.splits import split_file as split_file
    from .errors import DataError as DataError
    from .errors import ModelError as ModelError
    from .errors import RelookError as RelookError
    from .errors import UsageError as UsageError
    from .inference.batch.run import BatchReport as BatchReport
    from .inference.batch.run import predict_files as predict_files
    from .inference.options import PanopticRequest as PanopticRequest
    from .inference.options import PredictOptions as PredictOptions
    from .inference.predictor import Predictor as Predictor
    from .inference.results import Result as Result
    from .inference.views import TTA as TTA
    from .inference.writers.options import SaveOptions as SaveOptions
    from .layers import convert_to_sac as convert_to_sac
    from .models.detector import Detector as Detector
    from .structures.detection import Detections as Detections
    from .structures.detection import ImageBatch as ImageBatch
    from .structures.detection import Target as Target
    from .structures.rules.reading import Reading as Reading
    from .weights.file import load_model as load_model
    from .weights.file import save_model as save_model

_HOMES = {
    "BatchReport": "inference.batch.run",
    "Conversion": "data.formats.conversion",
    "DataError": "errors",
    "Detections": "structures.detection",
    "Detector": "models.detector",
    "ImageBatch": "structures.detection",
    "ModelConfig": "config.model",
    "ModelError": "errors",
    "PRESETS": "config.presets",
    "PanopticRequest": "inference.options",
    "Part": "config.parts",
    "PredictOptions": "inference.options",
    "Predictor": "inference.predictor",
    "Reading": "structures.rules.reading",
    "RelookError": "errors",
    "Result": "inference.results",
    "SaveOptions": "inference.writers.options",
    "TTA": "inference.views",
    "Target": "structures.detection",
    "UsageError": "errors",
    "build": "api",
    "convert_labels": "data.formats.conversion",
    "convert_to_sac": "layers",
    "data_statistics": "data.set_statistics",
    "describe": "analysis.summary",
    "export_onnx": "api",
    "load": "api",
    "load_model": "weights.file",
    "merge_files": "data.merging",
    "near_duplicates": "data.near_duplicates",
    "overlay": "config.base",
    "predict_files": "inference.batch.run",
    "preset": "config.presets",
    "save_model": "weights.file",
    "split_file": "data.splits",
}

__all__ = [
    "PRESETS",
    "TTA",
    "BatchReport",
    "Conversion",
    "DataError",
    "Detections",
    "Detector",
    "ImageBatch",
    "ModelConfig",
    "ModelError",
    "PanopticRequest",
    "Part",
    "PredictOptions",
    "Predictor",
    "Reading",
    "RelookError",
    "Result",
    "SaveOptions",
    "Target",
    "UsageError",
    "__version__",
    "build",
    "convert_labels",
    "convert_to_sac",
    "data_statistics",
    "describe",
    "export_onnx",
    "load",
    "load_model",
    "merge_files",
    "near_duplicates",
    "overlay",
    "predict_files",
    "preset",
    "save_model",
    "split_file",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith(f"{__name__}."):
            raise
        raise AttributeError(
            f"relook.{name} is in the package relook, and relook-onnx is installed, which has what "
            "predicts from ONNX files"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
