"""Older trees under today's names, so that one benchmark measures both.

Until commit 9bf0731 the package had other module names. In a process that measures such a tree,
`install` lets today's names mean its modules; nothing outside of the benchmark does.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

FORMER = {
    "relook.config.model": "relook.config",
    "relook.config.presets": "relook.presets",
    "relook.data.augment.transforms": "relook.data.transforms",
    "relook.data.coco.reader": "relook.data.coco",
    "relook.data.resizing": "relook.data.transforms",
    "relook.inference.predictor": "relook.predictor",
    "relook.inference.results": "relook.results",
    "relook.models.backbones.resnet": "relook.backbones.resnet",
    "relook.models.build": "relook.assembly",
    "relook.models.cascades": "relook.cascades",
    "relook.models.cascades.steps": "relook.cascades.steps",
    "relook.models.detector": "relook.detector",
    "relook.models.folding": "relook.folding",
    "relook.models.pyramids.rfp": "relook.pyramids.rfp",
    "relook.ops.cpu.deformable": "relook.ops.sampled_product",
    "relook.ops.cpu.switch": "relook.fast",
    "relook.ops.nms": "relook.ops.suppression",
    "relook.ops.roi_align": "relook.ops.roi_pool",
    "relook.runtime.files": "relook.atomic",
    "relook.runtime.memory": "relook.memory",
    "relook.structures.detection": "relook.types",
    "relook.weights.file": "relook.weights",
}
"""Today's name -> the one until then, of what a worker imports."""


def install() -> None:
    """Let today's names mean the modules of an older tree; nothing in one of today's."""
    if find_spec("relook.structures") is not None:
        return
    for name, former in FORMER.items():
        try:
            module = import_module(former)
        except ModuleNotFoundError:  # what that tree has not, such as folding
            continue
        sys.modules[name] = module
        _attach(name, module)


def _attach(name: str, module: ModuleType) -> None:
    """Make `module` an attribute of its parent, which may have to be made."""
    parent, _, last = name.rpartition(".")
    if parent not in sys.modules:
        try:
            import_module(parent)
        except ModuleNotFoundError:
            made = ModuleType(parent)
            made.__path__ = []
            sys.modules[parent] = made
            _attach(parent, made)
    if not hasattr(sys.modules[parent], last):
        setattr(sys.modules[parent], last, module)
