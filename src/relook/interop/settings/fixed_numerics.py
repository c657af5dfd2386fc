"""What relook computes in one way only, in the words of MMDetection's configurations.

A file that asks for something else asks for another model, or another training of it.
"""

from __future__ import annotations

from typing import Any

from ...config import ModelConfig
from .account import ANY

Allowed = dict[str, tuple[Any, ...]]

_ZEROS, _ONES = (0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)
_FEATURE_STRIDES = (4, 8, 16, 32)


def expected(config: ModelConfig, train: str, test: str) -> Allowed:
    """From a path with ``*`` for list positions to the values it may have.

    `train` and `test` are the paths of the model's train_cfg and test_cfg, which moved between
    versions. `config` is the configuration with everything carried over already.
    """
    return {
        "model.type": ("CascadeRCNN", "HybridTaskCascade"),
        **_backbone("model.backbone"),
        **_backbone("model.neck.rfp_backbone"),
        **_neck(config.pyramid.channels),
        **_rpn(config.pyramid.channels),
        **_box_heads(config.pyramid.channels),
        **_mask_heads(config.pyramid.channels),
        "model.roi_head.bbox_head.*.fc_out_channels": (config.cascade.box_hidden,),
        "model.roi_head.mask_head.*.conv_out_channels": (config.cascade.mask_channels,),
        **_semantic(config.pyramid.channels),
        **_train(config, train),
        **_test(test),
        **_preprocessing(),
    }


def _under(prefix: str, allowed: dict[str, tuple[Any, ...]]) -> Allowed:
    return {f"{prefix}.{key}": values for key, values in allowed.items()}


def _backbone(prefix: str) -> Allowed:
    return _under(
        prefix,
        {
            "type": ("ResNet", "ResNeXt", "DetectoRS_ResNet", "DetectoRS_ResNeXt"),
            "in_channels": (3,),
            "num_stages": (4,),
            "out_indices": ((0, 1, 2, 3),),
            "strides": ((1, 2, 2, 2),),
            "dilations": ((1, 1, 1, 1),),
            "deep_stem": (False,),
            "avg_down": (False,),
            "norm_cfg.type": ("BN", "SyncBN"),
            "norm_cfg.requires_grad": (True,),
            "plugins": (None,),
            "conv_cfg.type": ("ConvAWS",),
            "dcn.type": ("DCN",),
            "dcn.deform_groups": (1,),
            "dcn.deformable_groups": (1,),
            "dcn.fallback_on_stride": (False,),
            "sac.type": ("SAC",),
            "rfp_inplanes": (256, None),
            # Memory, values at the start of a training, and what is handed on: no difference here.
            "with_cp": (ANY,),
            "zero_init_residual": (ANY,),
            "output_img": (ANY,),
        },
    )


def _neck(channels: int) -> Allowed:
    return _under(
        "model.neck",
        {
            "type": ("FPN", "RFP"),
            "in_channels": ((256, 512, 1024, 2048),),
            "num_outs": (5,),
            "start_level": (0,),
            "end_level": (-1,),
            "add_extra_convs": (False,),
            "norm_cfg": (None,),
            "conv_cfg": (None,),
            "act_cfg": (None,),
            "upsample_cfg.mode": ("nearest",),
            "aspp_out_channels": (channels // 4,),
            "aspp_dilations": ((1, 3, 6, 1),),
        },
    )


def _loss(name: str, **options: Any) -> Allowed:
    """A loss of weight 1: the only weights are those of the stages and the semantic branch."""
    return _under(name, {"loss_weight": (1.0,)} | {key: (value,) for key, value in options.items()})


def _coder(prefix: str) -> Allowed:
    return {
        f"{prefix}.type": ("DeltaXYWHBBoxCoder",),
        f"{prefix}.target_means": (_ZEROS,),
        f"{prefix}.clip_border": (True,),
    }


def _rpn(channels: int) -> Allowed:
    return _under(
        "model.rpn_head",
        {
            "type": ("RPNHead",),
            "in_channels": (channels,),
            "feat_channels": (channels,),
            "num_convs": (1,),
            "anchor_generator.type": ("AnchorGenerator",),
            "anchor_generator.strides": ((4, 8, 16, 32, 64),),
            "anchor_generator.center_offset": (0.0,),
            "anchor_generator.octave_base_scale": (None,),
            "anchor_generator.scales_per_octave": (None,),
            **_coder("bbox_coder"),
            "bbox_coder.target_stds": (_ONES,),
            **_loss("loss_cls", type="CrossEntropyLoss", use_sigmoid=True),
            **_loss("loss_bbox", type="SmoothL1Loss", beta=1 / 9),
        },
    )


def _roi_extractor(
    name: str, size: int, channels: int, strides: tuple[int, ...] = _FEATURE_STRIDES
) -> Allowed:
    return _under(
        f"model.roi_head.{name}.*",
        {
            "type": ("SingleRoIExtractor",),
            "roi_layer.type": ("RoIAlign",),
            "roi_layer.output_size": (size,),
            "roi_layer.out_size": (size,),
            "roi_layer.sampling_ratio": (0,),
            "roi_layer.sample_num": (0,),
            "roi_layer.aligned": (True,),
            "roi_layer.pool_mode": ("avg",),
            "out_channels": (channels,),
            "featmap_strides": (strides,),
            "finest_scale": (56,),
        },
    )


def _box_heads(channels: int) -> Allowed:
    heads = {
        "type": ("Shared2FCBBoxHead",),
        "in_channels": (channels,),
        "roi_feat_size": (7,),
        "num_shared_fcs": (2,),
        "num_shared_convs": (0,),
        "num_cls_convs": (0,),
        "num_reg_convs": (0,),
        "num_cls_fcs": (0,),
        "num_reg_fcs": (0,),
        "with_avg_pool": (False,),
        "reg_class_agnostic": (True,),
        "reg_decoded_bbox": (False,),
        "norm_cfg": (None,),
        "conv_cfg": (None,),
        **_coder("bbox_coder"),
        **_loss("loss_cls", type="CrossEntropyLoss", use_sigmoid=False, class_weight=None),
        **_loss("loss_bbox", type="SmoothL1Loss", beta=1.0),
    }
    roi_heads = ("CascadeRoIHead", "HybridTaskCascadeRoIHead")
    return {
        "model.roi_head.type": roi_heads,
        **_roi_extractor("bbox_roi_extractor", 7, channels),
        **_under("model.roi_head.bbox_head.*", heads),
    }


def _mask_heads(channels: int) -> Allowed:
    heads = {
        "type": ("HTCMaskHead", "FCNMaskHead"),
        "in_channels": (channels,),
        "num_convs": (4,),
        "roi_feat_size": (14,),
        "conv_kernel_size": (3,),
        "class_agnostic": (False,),
        "upsample_cfg.type": ("deconv",),
        "upsample_cfg.scale_factor": (2,),
        "norm_cfg": (None,),
        "conv_cfg": (None,),
        "with_conv_res": (True,),
        **_loss("loss_mask", type="CrossEntropyLoss", use_mask=True),
    }
    prefix = "model.roi_head.mask_head"
    return {
        **_roi_extractor("mask_roi_extractor", 14, channels),
        **_under(f"{prefix}.*", heads),
        # A mask head without one before it has nothing to add up.
        f"{prefix}.0.with_conv_res": (False,),
    }


def _semantic(channels: int) -> Allowed:
    head = {
        "type": ("FusedSemanticHead",),
        "num_ins": (5,),
        "fusion_level": (1,),
        "seg_scale_factor": (0.125,),
        "num_convs": (4,),
        "in_channels": (channels,),
        "conv_out_channels": (channels,),
        "ignore_label": (255,),
        "norm_cfg": (None,),
        "conv_cfg": (None,),
        "loss_seg.type": ("CrossEntropyLoss",),
        "loss_seg.ignore_index": (255,),
    }
    return {
        **_roi_extractor("semantic_roi_extractor", 14, channels, (8,)),
        **_under("model.roi_head.semantic_head", head),
    }


def _assigner(positive: float, negative: float) -> Allowed:
    return _under(
        "assigner",
        {
            "type": ("MaxIoUAssigner",),
            "pos_iou_thr": (positive,),
            "neg_iou_thr": (negative,),
            "min_pos_iou": (negative,),
            "ignore_iof_thr": (-1,),
            "gpu_assign_thr": (ANY,),
            "iou_calculator.type": ("BboxOverlaps2D",),
        },
    )


def _sampler(add_truth: bool) -> Allowed:
    return _under(
        "sampler",
        {"type": ("RandomSampler",), "neg_pos_ub": (-1,), "add_gt_as_proposals": (add_truth,)},
    )


def _train(config: ModelConfig, train: str) -> Allowed:
    rpn, cascade = config.rpn, config.cascade
    allowed: Allowed = {
        **_under(f"{train}.rpn", _assigner(rpn.positive_iou, rpn.negative_iou)),
        f"{train}.rpn.assigner.match_low_quality": (True,),
        **_under(f"{train}.rpn", _sampler(False)),
        f"{train}.rpn.allowed_border": (0,),
        f"{train}.rpn.pos_weight": (-1,),
        f"{train}.rpn.debug": (ANY,),
        **_proposals(f"{train}.rpn_proposal"),
        f"{train}.rpn_proposal.nms.iou_threshold": (rpn.nms_iou,),
        f"{train}.rpn_proposal.nms_thr": (rpn.nms_iou,),
    }
    for i, stage in enumerate(cascade.stages):
        allowed |= _under(f"{train}.rcnn.{i}", _assigner(stage.iou, stage.iou))
    rest = {**_sampler(True), "mask_size": (28,), "pos_weight": (-1,), "debug": (ANY,)}
    rest["assigner.match_low_quality"] = (cascade.match_low_quality,)
    rest["sampler.num"] = (cascade.rois_per_image,)
    rest["sampler.pos_fraction"] = (cascade.positive_fraction,)
    return allowed | _under(f"{train}.rcnn.*", rest)


def _proposals(prefix: str) -> Allowed:
    return _under(
        prefix,
        {
            "nms.type": ("nms",),
            "min_bbox_size": (0,),
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
    return _under(
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
