"""What a checkpoint is, told from names and shapes; the files are in tests/parity."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from theirs import Shapes, full_shapes, narrow_shapes

from relook.config.presets import preset
from relook.errors import ModelError, UsageError
from relook.interop.recognition import recognise, todays_name


@pytest.mark.parametrize(
    "name",
    ["cascade-r50-rfp", "detectors-htc-r101", "htc-x101-64x4d-dcn", "htc-r50", "cascade-r50-sac"],
)
def test_published_models_are_their_presets(name: str) -> None:
    found = recognise(full_shapes(name.replace("-", "_")), {})
    assert (found.config, found.preset, found.source) == (preset(name), name, "mmdet")
    assert all(" <- " in reason for reason in found.reasons)


def without_flow(shapes: Shapes) -> Shapes:
    return {k: s for k, s in shapes.items() if "conv_res" not in k}


def test_families_differ_in_what_files_cannot_tell() -> None:
    plain = {k: s for k, s in full_shapes().items() if "semantic_head" not in k}
    htc, mask = recognise(plain, {}), recognise(without_flow(plain), {})
    assert (
        htc.config.cascade.select.score_threshold == 0.001
        and htc.config.cascade.sample.match_low_quality
    )
    assert mask.preset == "cascade-mask-r50"
    assert mask.config.cascade.select.score_threshold == 0.05
    no_flow = recognise(without_flow(full_shapes()), {})
    assert no_flow.config.cascade.hybrid.interleaved and not no_flow.config.cascade.hybrid.mask_flow


def test_custom_classes_and_widths() -> None:
    shapes = narrow_shapes("detectors_htc_r50")
    for stage in range(3):
        for leaf in ("weight", "bias"):
            box, mask = f"roi_head.bbox_head.{stage}.fc_cls.{leaf}", f"{stage}.conv_logits.{leaf}"
            shapes[box] = (4, *shapes[box][1:])
            mask = f"roi_head.mask_head.{mask}"
            shapes[mask] = (3, *shapes[mask][1:])
    shapes["roi_head.semantic_head.conv_logits.weight"] = (4, 32, 1, 1)
    config = recognise(shapes, {}).config
    assert (config.num_classes, config.semantic and config.semantic.num_classes) == (3, 4)
    assert (config.pyramid.channels, config.pyramid.steps) == (32, 2)
    assert (config.cascade.box_hidden, config.cascade.mask_channels) == (128, 32)


def test_more_looks_and_other_numbers_of_stages() -> None:
    shapes = narrow_shapes("detectors_cascade_r50")
    more = {
        k.replace("rfp_modules.0", "rfp_modules.1"): s for k, s in shapes.items() if "modules" in k
    }
    assert recognise({**shapes, **more}, {}).config.pyramid.steps == 3
    fourth = {k.replace("head.2.", "head.3."): s for k, s in shapes.items()}
    four = recognise({**shapes, **fourth}, {})
    assert len(four.config.cascade.stages) == 4 and "4 stages" in " ".join(four.unknown)
    two = recognise({k: s for k, s in shapes.items() if "head.2." not in k}, {})
    assert [stage.iou for stage in two.config.cascade.stages] == [0.5, 0.6]


def old(shapes: Shapes) -> Shapes:
    """As version 1 named and shaped them."""
    return {
        key.removeprefix("roi_head.").replace("neck.rfp", "rfp"): (
            (81, *shape[1:]) if "mask_head" in key and "conv_logits" in key else shape
        )
        for key, shape in shapes.items()
    }


def test_version_one() -> None:
    shapes = full_shapes("detectors_htc_r50")
    assert set(map(todays_name, old(shapes))) == set(shapes)
    found = recognise(old(shapes), {})
    assert found.source == "mmdet-v1"
    assert found.config == preset("detectors-htc-r50").with_(numerics="v1")
    # The order of classes is version 1's even where a tool has changed the names.
    renamed = {todays_name(key): shape for key, shape in old(shapes).items()}
    assert recognise(renamed, {}).source == "mmdet-v1"


def test_versions_in_meta_are_said() -> None:
    shapes = narrow_shapes()
    assert "2.28.0" in recognise(shapes, {"mmdet_version": "2.28.0"}).reasons[0]
    assert "mask_average" in " ".join(recognise(shapes, {"mmdet_version": "3.3.0"}).unknown)
    assert "poor" in " ".join(recognise(shapes, {"mmdet_version": "1.2.0"}).unknown)


def test_a_preset_says_what_shapes_cannot() -> None:
    shapes = full_shapes("detectors_htc_r50")
    assert recognise(shapes, {}, preset="detectors-htc-r50").config == preset("detectors-htc-r50")
    with pytest.raises(ModelError, match=r"not a htc-r101: .*backbone\.blocks"):
        recognise(shapes, {}, preset="htc-r101")
    with pytest.raises(ModelError, match="semantic is present, not absent"):
        recognise(full_shapes(), {}, preset="cascade-r50")
    with pytest.raises(UsageError, match="U01"):
        recognise(shapes, {}, preset="detectors")


def test_dsc_is_recognised_by_what_it_is_said_to_be() -> None:
    shapes = full_shapes("dsc_r50")
    for name, size in (("dsc-r50", 14), ("fast-dsc-r50", 7)):
        found = recognise(shapes, {}, preset=name)
        assert (found.config, found.preset, found.source) == (preset(name), name, "mmdet")
        assert f"guidance of {size} x {size} cells <- preset {name}" in found.reasons
        told = recognise(shapes, {}, guidance_size=size)  # type: ignore[arg-type]
        assert (told.config.cascade, told.preset) == (preset(name).cascade, name)
        assert told.config.rpn == preset(name).rpn


def test_which_dsc_it_is_is_never_guessed() -> None:
    with pytest.raises(ModelError, match="not guessed") as caught:
        recognise(full_shapes("dsc_r50"), {})
    assert caught.value.code == "M04"
    assert "--preset dsc-r50 or --preset fast-dsc-r50 of `relook weights" in str(caught.value)
    with pytest.raises(ModelError, match="not guessed: give with --config"):
        recognise(narrow_shapes("dsc_r50"), {})  # no preset is as narrow


def test_a_dsc_of_another_kind_than_said_is_refused() -> None:
    shapes = full_shapes("dsc_r50")
    with pytest.raises(ModelError, match=r"masks of 14 x 14 cells, and .* have 28 x 28"):
        recognise(shapes, {}, preset="fast-dsc-r50", guidance_size=14)
    with pytest.raises(ModelError, match=r"not a htc-r50: cascade\.kind is dsc"):
        recognise(shapes, {}, preset="htc-r50")
    with pytest.raises(ModelError, match=r"not a dsc-r50: cascade\.kind is htc"):
        recognise(full_shapes(), {}, preset="dsc-r50")
    with pytest.raises(ModelError, match=r"not a dsc-r101: backbone\.blocks"):
        recognise(shapes, {}, preset="dsc-r101")


def test_dsc_on_the_features_of_detectors() -> None:
    features = {k: s for k, s in full_shapes("detectors_htc_r50").items() if "roi_head" not in k}
    heads = {k: s for k, s in full_shapes("dsc_r50").items() if "roi_head" in k}
    for name in ("detectors-dsc-r50", "detectors-fast-dsc-r50"):
        assert recognise({**features, **heads}, {}, preset=name).config == preset(name)
    with pytest.raises(ModelError, match="--preset detectors-dsc-r50 or --preset detectors-fast"):
        recognise({**features, **heads}, {})


def dropped(part: str) -> Callable[[Shapes], Shapes]:
    return lambda shapes: {k: s for k, s in shapes.items() if part not in k}


def reshaped(**changes: tuple[int, ...]) -> Callable[[Shapes], Shapes]:
    return lambda shapes: shapes | {k.replace("__", "."): s for k, s in changes.items()}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (reshaped(roi_head__bbox_head__1__fc_reg__weight=(320, 128)), "80 boxes for every region"),
        (reshaped(roi_head__mask_head__1__conv_logits__weight=(1, 32, 1, 1)), "one mask for all"),
        (reshaped(roi_head__bbox_head__2__fc_cls__weight=(5, 128)), "do not agree"),
        (reshaped(roi_head__bbox_head__2__shared_fcs__0__weight=(128, 9)), "takes 9 numbers"),
        (reshaped(rpn_head__rpn_cls__weight=(9, 32, 1, 1)), "9 scores a position"),
        (reshaped(neck__fpn_convs__4__conv__weight=(32, 32, 3, 3)), "5 output convolutions"),
        (dropped("mask_head.2"), "3 box heads and 2 mask heads"),
        (dropped("neck.lateral_convs.0.conv.weight"), "no neck.lateral_convs.0"),
        (dropped("bbox_head.1."), "bbox_head.1 is missing"),
    ],
)
def test_models_that_are_not_ours_are_explained(
    change: Callable[[Shapes], Shapes], reason: str
) -> None:
    with pytest.raises(ModelError, match=reason):
        recognise(change(narrow_shapes()), {})


def test_other_libraries_are_for_others() -> None:
    with pytest.raises(ModelError, match="under the names of relook"):
        recognise({"features.backbone.conv1.weight": (64, 3, 7, 7)}, {})
