"""What is compared: the baseline, this tree with its fast paths off, and as it is by default.

This is the only module that knows how fast paths are switched and what they are called; the
baseline has none of them.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file

import relook
from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.models.build import build_detector
from relook.models.detector import Detector

Name = Literal["baseline", "plain", "fast"]
NAMES: tuple[Name, ...] = ("baseline", "plain", "fast")


class Contender:
    """One side: its detectors, with the weights of `folder`, made when they are first asked for.

    Only the last detector is kept.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.model_file = folder / f"{name}-model.safetensors"
        self._kept: tuple[Any, ModelConfig, Detector] | None = None

    def mode(self) -> AbstractContextManager[Any]:
        """What the whole process runs in."""
        plain = _optional("relook.ops.cpu.switch", "plain")
        if self.name == "plain" and plain is not None:
            mode: AbstractContextManager[Any] = plain()
            return mode
        return contextlib.nullcontext()

    def warm_imports(self) -> None:
        """Import what measuring needs, and set what relook sets for a whole process."""
        import relook.inference.predictor
        import relook.inference.results  # noqa: F401

        keep = _optional("relook.runtime.memory", "keep_freed")
        if self.name == "fast" and keep is not None:
            keep()

    def config(self, model: str, changes: dict[str, Any] | None = None) -> ModelConfig:
        """Of the preset called `model`, with fields changed as `ModelConfig.with_` does."""
        return preset(model).with_(**(changes or {}))

    def detector(
        self,
        model: str,
        purpose: Literal["detect", "train"],
        *,
        changes: dict[str, Any] | None = None,
        device: str = "cpu",
    ) -> tuple[Detector, ModelConfig]:
        """The detector of ``folder/MODEL.safetensors`` and its configuration.

        To detect, the fast side gets its folded copy; both in evaluation mode. `changes` must
        not change any tensor.
        """
        key = (model, purpose, repr(changes), device)
        if self._kept is None or self._kept[0] != key:
            self.forget()
            config = self.config(model, changes)
            with torch.device("meta"):
                detector = build_detector(config)
            state = load_file(self.folder / f"{model}.safetensors")
            detector = detector.to_empty(device="cpu")
            detector.load_state_dict(state)
            del state
            detector = detector.eval().to(device)
            if purpose == "detect":
                detector = self.folded(detector)
            self._kept = (key, config, detector)
            gc.collect()
        return self._kept[2], self._kept[1]

    def folded(self, detector: Detector) -> Detector:
        """The copy of `detector` that this side detects with; itself where nothing is folded."""
        fold = _optional("relook.models.folding", "fold")
        if self.name != "fast" or fold is None:
            return detector
        copied: Detector = fold(detector)
        return copied

    def checkpointing(self, detector: Detector, on: bool) -> bool:
        """Switch checkpointing of activations; whether this side has what was asked for."""
        recompute = _optional("relook.training.recomputing", "recompute_activations")
        replaced = _optional("relook.layers.recomputed", "Recomputed")
        if recompute is None or replaced is None:
            return not on
        for module in detector.modules():
            for name in [n for n, value in vars(module).items() if isinstance(value, replaced)]:
                delattr(module, name)
        if on:
            recompute(detector)
        return True

    def predictor_options(self) -> dict[str, Any]:
        """What `relook.load` is given by this side."""
        has_switch = "fast" in signature(relook.load).parameters
        return {"fast": False} if self.name == "plain" and has_switch else {}

    def bytes(self) -> int:
        """Of the tensors in the detector as trained, folded or not."""
        if self._kept is None:
            return 0
        with torch.device("meta"):
            plain = build_detector(self._kept[1])
        return sum(t.numel() * t.element_size() for t in plain.state_dict().values())

    def forget(self) -> None:
        """Drop the kept detector."""
        self._kept = None
        gc.collect()

    def features(self) -> dict[str, bool]:
        """Which fast paths the process found."""
        return {
            "fast.plain": _optional("relook.ops.cpu.switch", "plain") is not None,
            "folding.fold": _optional("relook.models.folding", "fold") is not None,
            "memory.keep_freed": _optional("relook.runtime.memory", "keep_freed") is not None,
        }


def _optional(module: str, name: str) -> Callable[..., Any] | None:
    try:
        found: Callable[..., Any] | None = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("relook"):
            raise
        return None
    return found
