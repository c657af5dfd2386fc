"""From a foreign file to a detector; the reference's models are in tests/parity."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from their_configs import guided_text
from theirs import narrow_shapes, narrow_state, save
from torch import Tensor

from relook.config.presets import PRESETS, Preset
from relook.errors import DataError, ModelError, UsageError
from relook.interop.importing import import_checkpoint
from relook.interop.recognition import recognise
from relook.structures.detection import ImageBatch
from relook.weights.file import load_model, save_model


def old_state() -> dict[str, Tensor]:
    """The narrow model as version 1 wrote it: background first, and its mask."""
    state = {}
    for key, value in narrow_state("detectors_htc_r50").items():
        if ".fc_cls." in key:
            value = value.roll(1, 0)
        elif ".mask_head." in key and ".conv_logits." in key:
            value = torch.cat([torch.zeros_like(value[:1]), value])
        state[key.removeprefix("roi_head.").replace("neck.rfp", "rfp")] = value
    return state


def tensors(path: Path, **options: Any) -> dict[str, Tensor]:
    return import_checkpoint(path, with_digest=False, **options).detector.state_dict()


def test_an_import_predicts_reports_and_forgets_the_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", narrow_state(), CLASSES=[f"c{i}" for i in range(80)])
    imported = import_checkpoint(path)
    path.unlink()
    assert not imported.detector.training and imported.classes[5].name == "c5"
    report = imported.report
    assert report.source == "mmdet" and report.size > 0 and len(report.sha256) == 64
    assert report.architecture.startswith("nearest to htc-r50, and not the same: backbone.width")
    assert report.digest is not None and "Apache" in report.licence
    assert json.dumps(report.to_json()) and report.lines()
    assert all(p.device.type == "cpu" for p in imported.detector.parameters())
    assert any(not p.requires_grad for p in imported.detector.parameters())  # frozen stages


def test_wrappers_around_a_state_make_no_difference(tmp_path: Path) -> None:
    state = narrow_state()
    plain = tensors(save(tmp_path / "plain.pth", state))
    torch.save(state, tmp_path / "bare.pth")
    save(tmp_path / "module.pth", {f"module.{key}": value for key, value in state.items()})
    copies = {"ema_" + key.replace(".", "_"): value + 1 for key, value in state.items()}
    averaged = save(tmp_path / "ema.pth", state | copies)
    for name in ("bare", "module", "ema"):
        other = tensors(tmp_path / f"{name}.pth")
        assert all(torch.equal(other[key], plain[key]) for key in plain)
    other = tensors(averaged, ema=True)
    assert torch.equal(other["rpn.conv.bias"], plain["rpn.conv.bias"] + 1)


def test_what_old_and_half_files_lack_is_computed(tmp_path: Path) -> None:
    state = narrow_state("cascade_r50_sac")
    whole = tensors(save(tmp_path / "whole.pth", state))
    lean = {
        key: value.half() if value.is_floating_point() else value
        for key, value in state.items()
        if not key.endswith(("num_batches_tracked", "weight_gamma", "weight_beta"))
    }
    imported = import_checkpoint(save(tmp_path / "lean.pth", lean), with_digest=False)
    counts = imported.report.counts
    assert counts["computed"] + counts["renamed"] == len(whole) and counts["computed"] > 100
    stem = imported.detector.get_submodule("features.backbone.conv1")
    torch.testing.assert_close(
        stem.standardised(),
        stem.weight,
        rtol=1e-3,
        atol=1e-5,  # type: ignore[operator]
    )
    assert imported.detector.state_dict()["rpn.conv.weight"].dtype == torch.float32


def test_strict_means_nothing_missing_and_nothing_left(tmp_path: Path) -> None:
    state = narrow_state()
    del state["rpn_head.rpn_reg.bias"]
    state["roi_head.mask_iou_head.fc.weight"] = torch.zeros(3, 3)
    with pytest.raises(ModelError) as caught:
        import_checkpoint(save(tmp_path / "theirs.pth", state))
    message = str(caught.value)
    assert caught.value.code == "M04" and "theirs.pth" in message
    assert "rpn.deltas.bias 12" in message and "roi_head.mask_iou_head.fc.weight 3x3" in message


def test_version_one_is_refused_or_converted(tmp_path: Path) -> None:
    path = save(tmp_path / "v1.pth", old_state())
    with pytest.raises(ModelError, match="--legacy"):
        import_checkpoint(path)
    imported = import_checkpoint(path, legacy=True, with_digest=False)
    assert imported.config.numerics == "v1" and imported.report.source == "mmdet-v1"
    new = tensors(save(tmp_path / "v2.pth", narrow_state("detectors_htc_r50")))
    state = imported.detector.state_dict()
    assert all(torch.equal(state[key], new[key]) for key in new)
    rows = {row.ours: row for row in imported.report.rows}
    assert rows["cascade.box_heads.0.classify.weight"].status == "computed"
    assert rows["cascade.box_heads.0.classify.weight"].theirs == "bbox_head.0.fc_cls.weight"
    assert rows["features.fusion.weight"].theirs == "rfp_weight.weight"
    assert imported.report.counts["computed"] == 12
    assert any("experimental" in line for line in imported.report.unknown)


def test_a_stem_that_takes_blue_first_is_turned(tmp_path: Path) -> None:
    text = (
        "model = dict(type='HybridTaskCascade', backbone=dict(type='ResNet', style='pytorch'))\n"
        "img_norm_cfg = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], to_rgb=False)\n"
    )
    imported = import_checkpoint(
        save(tmp_path / "bgr.pth", narrow_state(), config=text), with_digest=False
    )
    turned = imported.detector.state_dict()["features.backbone.conv1.weight"]
    assert torch.equal(turned.flip(1), narrow_state()["backbone.conv1.weight"])
    assert imported.config.input.mean == (3.0, 2.0, 1.0)
    row = next(r for r in imported.report.rows if r.theirs == "backbone.conv1.weight")
    assert (row.status, row.note) == ("computed", "turned to take red, green, blue")


def test_our_own_files_are_themselves(tmp_path: Path) -> None:
    first = import_checkpoint(save(tmp_path / "theirs.pth", narrow_state()))
    ours = tmp_path / "ours.safetensors"
    save_model(ours, first.detector, first.config, first.classes)
    second = import_checkpoint(ours)
    assert (second.config, second.classes) == (first.config, first.classes)
    assert second.report.digest == first.report.digest
    assert {row.status for row in second.report.rows} == {"used"}
    with pytest.raises(UsageError, match="preset, legacy cannot be given"):
        import_checkpoint(ours, preset="htc-r50", legacy=True)


def test_torchvision_is_a_start_if_asked(tmp_path: Path) -> None:
    from torchvision.models import resnet50

    path = tmp_path / "resnet50.pth"
    torch.save(resnet50(weights=None).state_dict(), path)
    with pytest.raises(ModelError, match=r"resnet50\.pth: these are torchvision's"):
        import_checkpoint(path)
    imported = import_checkpoint(path, preset="cascade-r50", with_digest=False)
    assert imported.report.source == "torchvision" and imported.report.digest is None
    assert "train before use" in imported.report.unknown[0]
    assert len(imported.classes) == 80


def test_the_caffe_style_has_its_stride_and_its_channels(tmp_path: Path) -> None:
    state = narrow_state()
    path = save(tmp_path / "a.pth", state)
    plain = import_checkpoint(path, with_digest=False)
    caffe = import_checkpoint(path, style="caffe", with_digest=False)
    assert caffe.config.input.std == (1.0, 1.0, 1.0)
    ours = caffe.detector.features.backbone
    stem = plain.detector.features.backbone.conv1.weight
    assert torch.equal(ours.conv1.weight, stem.flip(1))
    assert (ours.layer2[0].conv1.stride, ours.layer2[0].conv2.stride) == ((2, 2), (1, 1))
    row = next(row for row in caffe.report.rows if row.ours == "features.backbone.conv1.weight")
    assert row.status == "computed"


def test_states_of_our_trainings_are_explained(tmp_path: Path) -> None:
    path = save(tmp_path / "last.pth", {"features.backbone.conv1.weight": torch.zeros(1)})
    with pytest.raises(ModelError, match="Load the run folder"):
        import_checkpoint(path)


def test_broken_numbers_are_refused_unless_they_are_wanted(tmp_path: Path) -> None:
    state = narrow_state()
    state["rpn_head.rpn_conv.bias"].fill_(float("nan"))
    path = save(tmp_path / "a.pth", state)
    with pytest.raises(ModelError, match=r"not finite in 1 tensor of it \(rpn\.conv\.bias\)"):
        import_checkpoint(path)
    report = import_checkpoint(path, accept_broken=True, with_digest=False).report
    assert "rpn.conv.bias holds numbers that are not finite" in report.notes


def test_options_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="D01"):
        import_checkpoint(tmp_path / "none.pth")
    with pytest.raises(UsageError, match="pytorch or caffe"):
        import_checkpoint(tmp_path / "none.pth", style="tensorflow")  # type: ignore[arg-type]


@pytest.fixture
def narrow_presets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presets ``dsc-narrow`` and ``fast-dsc-narrow`` of the structure of the narrow file."""
    for name, size in (("dsc-narrow", 14), ("fast-dsc-narrow", 7)):
        found = recognise(narrow_shapes("dsc_r50"), {}, guidance_size=size)  # type: ignore[arg-type]
        config = found.config.with_(rpn__test__proposals=60)
        monkeypatch.setitem(PRESETS, name, Preset(config, "for this test"))


@torch.no_grad()
def test_dsc_and_fast_dsc_are_two_models_of_the_same_tensors(
    narrow_presets: None, tmp_path: Path
) -> None:
    path = save(tmp_path / "theirs.pth", narrow_state("dsc_r50"))
    slow, fast = (
        import_checkpoint(path, preset=name, with_digest=False)
        for name in ("dsc-narrow", "fast-dsc-narrow")
    )
    one, other = slow.detector.state_dict(), fast.detector.state_dict()
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert slow.report.counts["renamed"] == len(one) and len(set(slow.report.counts.values())) == 2

    size = ((96, 128),)
    images = ImageBatch(torch.rand(1, 3, 96, 128), size, size, size, ((1.0, 1.0),))
    (a,), (b,) = (i.detector.detect(images, score_threshold=0.0) for i in (slow, fast))
    assert len(a) == len(b) > 0 and a.scores.isfinite().all()
    assert (a.boxes - b.boxes).abs().max() > 1
    for imported, size_ in ((slow, 14), (fast, 7)):
        ours = tmp_path / f"{size_}.safetensors"
        save_model(ours, imported.detector, imported.config, imported.classes)
        saved = load_model(ours)
        assert saved.config == imported.config
        assert saved.config.model_dump()["cascade"]["guidance"]["side"] == size_
        (again,) = saved.detector.detect(images, score_threshold=0.0)
        torch.testing.assert_close(again.boxes, (a if imported is slow else b).boxes)
        with pytest.raises(UsageError, match="preset cannot be given with it"):
            import_checkpoint(ours, preset="dsc-narrow")


def test_dsc_needs_to_be_said_or_told_and_has_its_own_terms(
    narrow_presets: None, tmp_path: Path
) -> None:
    silent = save(tmp_path / "silent.pth", narrow_state("dsc_r50"))
    with pytest.raises(ModelError, match=r"silent\.pth: .*--preset dsc-narrow or --preset fast"):
        import_checkpoint(silent)
    told = save(tmp_path / "told.pth", narrow_state("dsc_r50"), config=guided_text(7))
    report = import_checkpoint(told, with_digest=False).report
    assert report.architecture == "fast-dsc-narrow" and "non-commercial" in report.licence
    with pytest.raises(ModelError, match=r"told\.pth: .* preset dsc-narrow has guidance masks"):
        import_checkpoint(told, preset="dsc-narrow")


def test_a_projection_with_a_bias_is_refused(tmp_path: Path) -> None:
    """Projections without a norm have a bias where their authors' library makes them."""
    state = {k: v for k, v in narrow_state("dsc_r50").items() if ".conv_res.bn." not in k}
    state["roi_head.mask_head.conv_res.conv.bias"] = torch.zeros(32)
    path = save(tmp_path / "theirs.pth", state, config=guided_text(14))
    with pytest.raises(ModelError, match=r"left over:\n  roi_head\.mask_head\.conv_res\.conv"):
        import_checkpoint(path)
