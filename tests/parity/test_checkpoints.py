"""Files as the reference would write them, imported: every tensor must land in its place.

For each reference model a file is written in which every tensor is filled with a number of its
own, so that two tensors of one shape cannot be exchanged unseen. Three models are written with
the weights of the recordings, and must compute the recorded numbers from nothing but the file.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import formula
import golden
import pytest
import torch
from networks import CHECKS, NETWORKS, Run, recorded_options
from torch import Tensor

import relook
from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.interop.importing import Imported, import_checkpoint
from relook.weights.file import save_model

MODELS = sorted(path.stem for path in (golden.FOLDER / "keys").glob("*.json"))
SAID: dict[str, dict[str, Any]] = {
    "dsc_r50": {"preset": "dsc-r50"}
}  # its tensors are those of Fast DSC, too

META = {
    "mmdet_version": "2.28.0",
    "epoch": 12,
    "config": "model = dict(backbone=dict(style='pytorch'))\n",
}

# Where each of the reference's tensors belongs, part by part and written down a second time: a
# table that was derived from the rules under test would share their mistakes. The last parts of
# a name ("weight", "conv2.weight_diff") are the same on both sides unless listed in WITHIN.
PLACES = {
    "rpn_head.rpn_conv": "rpn.conv",
    "rpn_head.rpn_cls": "rpn.objectness",
    "rpn_head.rpn_reg": "rpn.deltas",
    "neck.rfp_aspp.aspp.0": "features.connector.local",
    "neck.rfp_aspp.aspp.1": "features.connector.near",
    "neck.rfp_aspp.aspp.2": "features.connector.far",
    "neck.rfp_aspp.aspp.3": "features.connector.whole",
    "neck.rfp_weight": "features.fusion",
    "roi_head.semantic_head.conv_embedding.conv": "semantic.embed",
    "roi_head.semantic_head.conv_logits": "semantic.logits",
    **{f"neck.lateral_convs.{i}.conv": f"features.fpn.laterals.{i}" for i in range(4)},
    **{f"neck.fpn_convs.{i}.conv": f"features.fpn.outputs.{i}" for i in range(4)},
    **{
        f"roi_head.semantic_head.lateral_convs.{i}.conv": f"semantic.laterals.{i}" for i in range(5)
    },
    **{f"roi_head.semantic_head.convs.{i}.conv": f"semantic.convs.{i}" for i in range(4)},
    **{
        f"roi_head.bbox_head.{stage}.{theirs}": f"cascade.box_heads.{stage}.{ours}"
        for stage in range(3)
        for theirs, ours in [
            ("shared_fcs.0", "fc1"),
            ("shared_fcs.1", "fc2"),
            ("fc_cls", "classify"),
            ("fc_reg", "regress"),
        ]
    },
    **{
        f"roi_head.mask_head.{stage}.{theirs}": f"cascade.mask_heads.{stage}.{ours}"
        for stage in range(3)
        for theirs, ours in [
            ("convs.0.conv", "convs.0"),
            ("convs.1.conv", "convs.1"),
            ("convs.2.conv", "convs.2"),
            ("convs.3.conv", "convs.3"),
            ("upsample", "upsample"),
            ("conv_logits", "logits"),
            ("conv_res.conv", "carry"),
        ]
    },
}
_MASKS = {
    "convs.0.conv": "convs.0",
    "convs.1.conv": "convs.1",
    "convs.2.conv": "convs.2",
    "convs.3.conv": "convs.3",
    "upsample": "upsample",
    "conv_logits": "logits",
    "conv_res.conv": "carry.conv",
    "conv_res.bn": "carry.norm",
}
PLACES |= {
    **{
        f"roi_head.mpn.{stage}.{theirs}": f"cascade.guidance_heads.{stage}.{ours}"
        for stage in range(3)
        for theirs, ours in _MASKS.items()
    },
    **{f"roi_head.mask_head.{theirs}": f"cascade.mask_head.{o}" for theirs, o in _MASKS.items()},
    **{
        f"roi_head.bbox_head.{stage}.conv_res.{theirs}": f"cascade.box_heads.{stage}.fuse.{ours}"
        for stage in range(3)
        for theirs, ours in [("conv", "conv"), ("bn", "norm")]
    },
}
WITHIN = {
    "offset_s": "offset_near",
    "offset_l": "offset_far",
    "conv_offset": "offset",
    "rfp_conv": "feedback",
}


def place(theirs: str, looks_twice: bool) -> str:
    """Our name of a reference tensor."""
    module, _, leaf = theirs.rpartition(".")
    if module in PLACES:
        return f"{PLACES[module]}.{leaf}"
    parts = theirs.split(".")
    if parts[0] == "backbone":
        start, rest = (
            ["features", *(["backbones", "0"] if looks_twice else ["backbone"])],
            parts[1:],
        )
    else:
        assert parts[:3] == ["neck", "rfp_modules", "0"], theirs
        start, rest = ["features", "backbones", "1"], parts[3:]
    return ".".join([*start, *(WITHIN.get(part, part) for part in rest)])


def write(path: Path, state: dict[str, Tensor]) -> Path:
    torch.save({"meta": META, "state_dict": state, "optimizer": {"state": {}}}, path)
    return path


def numbered(name: str) -> dict[str, Tensor]:
    """Every tensor of a reference model with values of its own: the numbers from its position on.

    All are windows of one ramp, so that the file is small and the shapes are the true ones.
    """
    shapes = golden.shapes(name)
    largest = max(math.prod(shape) for shape in shapes.values())
    ramp = torch.arange(largest + len(shapes), dtype=torch.float32)
    assert len(ramp) < 2**24, "float32 cannot tell neighbours apart"
    return {
        key: (
            torch.tensor(index)
            if key.endswith("num_batches_tracked")
            else ramp[index : index + math.prod(shape)].view(shape)
        )
        for index, (key, shape) in enumerate(shapes.items())
    }


def misplaced(name: str, imported: Imported) -> list[str]:
    """The reference's tensors that are not where they belong."""
    state = imported.detector.state_dict()
    looks_twice = imported.config.pyramid.steps > 1
    wrong = []
    for index, (key, shape) in enumerate(golden.shapes(name).items()):
        value = state.pop(place(key, looks_twice))
        values = value.flatten()
        whole = tuple(value.shape) == shape and int(values[-1]) == index + len(values) - 1
        if not whole or int(values[0]) != index:
            wrong.append(key)
    assert not state, "tensors of the model that no file filled"
    return wrong


def expected_config(name: str) -> ModelConfig:
    if name.endswith("_without_semantic"):
        return expected_config(name.removesuffix("_without_semantic")).with_(semantic=None)
    return preset(name.replace("_", "-"))


def test_there_are_fourteen_models() -> None:
    assert len(MODELS) == 14


@pytest.mark.parametrize("name", MODELS)
def test_every_tensor_lands_in_its_place(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.pth", numbered(name))
    imported = import_checkpoint(path, with_digest=False, **SAID.get(name, {}))
    assert imported.config == expected_config(name)
    assert misplaced(name, imported) == []

    shapes = golden.shapes(name)
    rows = imported.report.rows
    assert {row.theirs: row.shape for row in rows} == shapes
    assert all(
        row.theirs and row.ours == place(row.theirs, imported.config.pyramid.steps > 1)
        for row in rows
    )
    assert imported.report.counts["renamed"] == len(rows) == len(shapes)
    assert len(imported.classes) == 80 and imported.classes[-1].id == 90


EXCHANGED = {
    "detectors_htc_r50": [
        ("backbone.layer2.0.conv2.offset_s.weight", "backbone.layer2.0.conv2.offset_l.weight"),
        ("roi_head.mask_head.1.conv_res.conv.weight", "roi_head.mask_head.2.conv_res.conv.weight"),
        ("roi_head.bbox_head.0.fc_cls.weight", "roi_head.bbox_head.2.fc_cls.weight"),
        ("neck.rfp_aspp.aspp.1.weight", "neck.rfp_aspp.aspp.2.weight"),
        ("backbone.layer3.0.bn3.weight", "neck.rfp_modules.0.layer3.0.bn3.weight"),
    ],
    "dsc_r50": [
        ("roi_head.mpn.1.conv_res.conv.weight", "roi_head.bbox_head.1.conv_res.conv.weight"),
        ("roi_head.mpn.2.conv_res.bn.bias", "roi_head.mask_head.conv_res.bn.bias"),
        ("roi_head.mpn.0.upsample.weight", "roi_head.mpn.2.upsample.weight"),
        ("roi_head.mpn.0.convs.0.conv.bias", "roi_head.mask_head.convs.0.conv.bias"),
    ],
}


@pytest.mark.parametrize("name", EXCHANGED)
def test_exchanged_tensors_of_one_shape_are_noticed(name: str, tmp_path: Path) -> None:
    """The check above can fail."""
    state = numbered(name)
    for one, other in EXCHANGED[name]:
        assert state[one].shape == state[other].shape
        state[one], state[other] = state[other], state[one]
    path = write(tmp_path / "theirs.pth", state)
    imported = import_checkpoint(path, with_digest=False, **SAID.get(name, {}))
    expected = [key for pair in EXCHANGED[name] for key in pair]
    assert sorted(misplaced(name, imported)) == sorted(expected)


@functools.lru_cache(maxsize=1)
def imported_run(name: str) -> Run:
    """A network of the recordings as `relook.load` gives it, with the recorded options set."""
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "theirs.pth", formula.weights(golden.shapes(name)))
        model = relook.load(path, device="cpu")
    assert model.config == preset(NETWORKS[name])
    recorded = recorded_options(model.config).cascade
    cascade: Any = model.detector.cascade
    cascade.hybrid = recorded.hybrid
    cascade.select = dataclasses.replace(cascade.select, suppress_in=recorded.select.suppress_in)
    return Run(model.detector.requires_grad_(False))


def detected(name: str) -> Iterator[str]:
    """What is recorded of detecting; the other records are of heads alone and of training."""
    wanted = ("backbone_out", "step2_C", "final_P", "sem_", "n_proposals", "top5", "n_det", "top8")
    return (key for key in golden.read(name) if key.startswith(wanted))


@pytest.mark.parametrize(("name", "key"), [(n, key) for n in NETWORKS for key in detected(n)])
def test_an_imported_file_computes_the_recorded_value(name: str, key: str) -> None:
    CHECKS[key](imported_run(name), golden.read(name)[key])


def test_importing_the_result_is_the_identity(tmp_path: Path) -> None:
    theirs = write(tmp_path / "theirs.pth", numbered("htc_r50"))
    first = import_checkpoint(theirs, with_digest=False)
    ours = tmp_path / "ours.safetensors"
    save_model(ours, first.detector, first.config, first.classes)
    second = import_checkpoint(ours, with_digest=False)
    assert (second.config, second.classes) == (first.config, first.classes)
    assert second.report.source == "relook"
    once, twice = first.detector.state_dict(), second.detector.state_dict()
    assert list(once) == list(twice)
    assert all(torch.equal(once[key], twice[key]) for key in once)
    assert second.report.counts["used"] == len(once)
