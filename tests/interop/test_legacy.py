"""Files of MMDetection 1.x, made from the recorded names of 2.x by undoing the conversion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from relook.config.presets import preset
from relook.interop import mmdet
from relook.interop.legacy import convert_v1, is_v1
from relook.models.build import build_detector

_KEYS = Path(__file__).parents[1] / "parity" / "golden" / "keys"


def _recorded(name: str) -> dict[str, tuple[int, ...]]:
    tensors = json.loads((_KEYS / f"{name}.json").read_text())["tensors"]
    return {key: tuple(shape) for key, shape in tensors.items()}


def _of_v1(name: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes that the same model had in 1.x."""
    shapes = {}
    for key, shape in _recorded(name).items():
        old = key.removeprefix("roi_head.")
        if old.startswith("neck.rfp_"):
            old = old.removeprefix("neck.")
        if old.startswith("mask_head.") and ".conv_logits." in old:
            shape = (shape[0] + 1, *shape[1:])
        shapes[old] = shape
    return shapes


def _numbered(*shape: int) -> Tensor:
    """Every row holds its own number."""
    rows = torch.arange(shape[0], dtype=torch.float32)
    return rows.reshape(-1, *[1] * (len(shape) - 1)).expand(shape)


@pytest.mark.parametrize("name", ["detectors_htc_r50", "htc_r50", "cascade_r50_rfp"])
def test_every_name_and_shape_finds_its_place(name: str) -> None:
    file = {key: torch.empty(shape, device="meta") for key, shape in _of_v1(name).items()}
    found = {key: tuple(value.shape) for key, value in convert_v1(file).items()}
    assert found == _recorded(name)
    with torch.device("meta"):
        detector = build_detector(preset(name.replace("_", "-")))
    ours = {key: tuple(value.shape) for key, value in detector.state_dict().items()}
    converted = mmdet.convert(convert_v1(file))
    assert {key: tuple(value.shape) for key, value in converted.items()} == ours


def test_the_background_moves_to_the_end_and_has_no_mask() -> None:
    file = {
        "bbox_head.2.fc_cls.weight": _numbered(81, 4),
        "bbox_head.2.fc_cls.bias": _numbered(81),
        "bbox_head.2.fc_reg.weight": _numbered(4, 4),
        "mask_head.1.conv_logits.weight": _numbered(81, 4, 1, 1),
        "mask_head.1.conv_logits.bias": _numbered(81),
        "semantic_head.conv_logits.bias": _numbered(183),
        "rpn_head.rpn_cls.bias": _numbered(3),
    }
    found = convert_v1(file)
    for name in ("weight", "bias"):
        rows = found[f"roi_head.bbox_head.2.fc_cls.{name}"].reshape(81, -1)[:, 0].tolist()
        assert rows == [*range(1, 81), 0]
        masks = found[f"roi_head.mask_head.1.conv_logits.{name}"].reshape(80, -1)[:, 0].tolist()
        assert masks == [*range(1, 81)]
    assert found["roi_head.bbox_head.2.fc_reg.weight"] is file["bbox_head.2.fc_reg.weight"]
    assert found["rpn_head.rpn_cls.bias"] is file["rpn_head.rpn_cls.bias"]
    assert found["roi_head.semantic_head.conv_logits.bias"].tolist() == list(range(183))


def test_masks_that_have_no_row_for_the_background_are_kept() -> None:
    file = {
        "bbox_head.0.fc_cls.bias": _numbered(5),
        "mask_head.0.conv_logits.bias": _numbered(4),
    }
    assert convert_v1(file)["roi_head.mask_head.0.conv_logits.bias"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("path", sorted(_KEYS.glob("*.json")), ids=lambda path: path.stem)
def test_files_of_2_and_3_are_not_taken_for_old_ones(path: Path) -> None:
    shapes = _recorded(path.stem)
    assert not is_v1(shapes) and not is_v1(shapes.keys())
    with pytest.raises(ValueError, match=r"not a checkpoint of MMDetection 1\.x"):
        convert_v1({"backbone.conv1.weight": torch.zeros(1)})


def test_old_files_are_known_by_their_names_or_by_masks_of_the_background() -> None:
    shapes = _of_v1("detectors_htc_r50")
    assert is_v1(shapes) and is_v1(shapes.keys()) and is_v1(list(shapes))
    assert is_v1({"rfp_aspp.aspp.0.weight": (64, 256, 1, 1)})
    masks = {
        "roi_head.bbox_head.0.fc_cls.weight": (81, 1024),
        "roi_head.mask_head.0.conv_logits.weight": (81, 256, 1, 1),
    }
    assert is_v1(masks)
    assert not is_v1({"bbox_head.retina_cls.weight": (720, 256, 3, 3)})  # a one-stage model of 2.x
    assert not is_v1({})


def test_two_tensors_of_one_name_are_refused() -> None:
    both = {
        "bbox_head.0.fc_reg.bias": _numbered(4),
        "roi_head.bbox_head.0.fc_reg.bias": _numbered(4),
    }
    with pytest.raises(ValueError, match="same name"):
        convert_v1(both)
