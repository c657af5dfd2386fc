"""Settings of MMDetection for which relook has one value only.

A file with another value describes another model, or another training of it.
"""

from __future__ import annotations

from ...config.cascades import DSCConfig
from ...config.model import ModelConfig
from ...structures.rules.norms import NormRule
from .account import ANY
from .allowed import LOSSES, Allowed, assigner, coder, loss, norms, sampler, under
from .fixed_heads import expected_draws, expected_heads

_ONES = (1.0, 1.0, 1.0, 1.0)


def expected(config: ModelConfig, train: str, test: str) -> Allowed:
    """Path, with ``*`` for list positions -> allowed values.

    `train` and `test` are the paths of the model's train_cfg and test_cfg, which depend on the
    version. `config` is the configuration with all values carried over.
    """
    guided = isinstance(config.cascade, DSCConfig)
    return {
        "model.type": ("DSC",) if guided else _MODELS[len(config.cascade.stages) == 1],
        **_backbone("model.backbone", config.backbone.norm_rule),
        **_backbone("model.neck.rfp_backbone", config.backbone.norm_rule),
        **_neck(config),
        **_rpn(config.pyramid.channels, config.rpn.convs),
        **expected_heads(config),
        **_train(config, train),
        **_test(test),
        **_preprocessing(),
    }


_MODELS = (("CascadeRCNN", "HybridTaskCascade"), ("FasterRCNN", "MaskRCNN", "CascadeRCNN"))


def _backbone(prefix: str, norm: NormRule) -> Allowed:
    return under(
        prefix,
        {
            **norms("norm_cfg", norm if norm.kind == "group" else NormRule("batch")),
            "type": ("ResNet", "ResNeXt", "DetectoRS_ResNet", "DetectoRS_ResNeXt"),
            "in_channels": (3,),
            "num_stages": (4,),
            "out_indices": ((0, 1, 2, 3),),
            "strides": ((1, 2, 2, 2),),
            "dilations": ((1, 1, 1, 1),),
            "deep_stem": (False,),
            "avg_down": (False,),
            "norm_cfg.requires_grad": (True,),
            "plugins": (None,),
            "conv_cfg.type": ("ConvAWS",),
            "dcn.type": ("DCN",),
            "dcn.deform_groups": (1,),
            "dcn.deformable_groups": (1,),
            "dcn.fallback_on_stride": (False,),
            "sac.type": ("SAC",),
            "rfp_inplanes": (256, None),
            # Memory, initial values and choice of outputs: no effect here.
            "with_cp": (ANY,),
            "zero_init_residual": (ANY,),
            "output_img": (ANY,),
        },
    )


def _neck(config: ModelConfig) -> Allowed:
    channels, backbone = config.pyramid.channels, config.backbone
    widths = tuple(
        backbone.width * (4 if backbone.block == "bottleneck" else 1) * 2**i for i in range(4)
    )
    return under(
        "model.neck",
        {
            "type": ("FPN", "RFP"),
            "in_channels": (widths,),
            "num_outs": (5,),
            "start_level": (0,),
            "end_level": (-1,),
            "add_extra_convs": (False,),
            **norms("norm_cfg", config.pyramid.norm),
            "conv_cfg": (None,),
            "act_cfg": (None,),
            "no_norm_on_lateral": (False,),
            "upsample_cfg.mode": ("nearest",),
            "aspp_out_channels": (channels // 4,),
            "aspp_dilations": ((1, 3, 6, 1),),
        },
    )


def _rpn(channels: int, convs: int) -> Allowed:
    return under(
        "model.rpn_head",
        {
            "type": ("RPNHead",),
            "in_channels": (channels,),
            "feat_channels": (channels,),
            "num_convs": (convs,),
            "anchor_generator.type": ("AnchorGenerator",),
            "anchor_generator.strides": ((4, 8, 16, 32, 64),),
            "anchor_generator.center_offset": (0.0,),
            "anchor_generator.octave_base_scale": (None,),
            "anchor_generator.scales_per_octave": (None,),
            **coder("bbox_coder"),
            "bbox_coder.target_stds": (_ONES,),
            **loss("loss_cls", type="CrossEntropyLoss", use_sigmoid=True),
            **loss("loss_bbox", type=LOSSES),
        },
    )


def _train(config: ModelConfig, train: str) -> Allowed:
    anchors = config.rpn.anchors
    allowed: Allowed = {
        **under(f"{train}.rpn", assigner(anchors.positive_iou, anchors.negative_iou)),
        f"{train}.rpn.assigner.match_low_quality": (True,),
        **under(f"{train}.rpn", sampler(False)),
        f"{train}.rpn.pos_weight": (-1,),
        f"{train}.rpn.debug": (ANY,),
        **_proposals(f"{train}.rpn_proposal"),
    }
    return allowed | expected_draws(config.cascade, f"{train}.rcnn")


def _proposals(prefix: str) -> Allowed:
    return under(
        prefix,
        {
            "nms.type": ("nms",),
            "nms_across_levels": (False,),
            "nms_post": (ANY,),  # of versions that also had max_num, which counts
        },
    )


def _test(test: str) -> Allowed:
    return {
        **_proposals(f"{test}.rpn"),
        f"{test}.rcnn.nms.min_score": (0.001,),
        f"{test}.rcnn.nms.method": ("linear",),
        f"{test}.rcnn.mask_thr_binary": (0.5,),
        f"{test}.keep_all_stages": (False,),
        f"{test}.rcnn.keep_all_stages": (False,),
    }


def _preprocessing() -> Allowed:
    return under(
        "model.data_preprocessor",
        {
            "type": ("DetDataPreprocessor",),
            "pad_size_divisor": (32,),
            "pad_mask": (ANY,),
            "pad_seg": (ANY,),
            "mask_pad_value": (0,),
            "seg_pad_value": (255,),
            "batch_augments": (None,),
        },
    )
