"""Small configuration trees in the words of MMDetection 2.x and 3.x, written for the tests."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

HEADS = "".join(
    f"""
        dict(
            type='Shared2FCBBoxHead', in_channels=256, fc_out_channels=1024, roi_feat_size=7,
            num_classes=80, reg_class_agnostic=True,
            bbox_coder=dict(
                type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.], target_stds={stds}),
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
            loss_bbox=dict(type='SmoothL1Loss', beta=1.0, loss_weight=1.0)),"""
    for stds in ([0.1, 0.1, 0.2, 0.2], [0.05, 0.05, 0.1, 0.1], [0.033, 0.033, 0.067, 0.067])
)
MASKS = "".join(
    f"""
        dict(
            type='HTCMaskHead', {first}num_convs=4, in_channels=256, conv_out_channels=256,
            num_classes=80, loss_mask=dict(type='CrossEntropyLoss', use_mask=True)),"""
    for first in ("with_conv_res=False, ", "", "")
)


def assigners(low_quality: str) -> str:
    """The train_cfg of three stages."""
    return "".join(
        f"""
        dict(
            assigner=dict(
                type='MaxIoUAssigner', pos_iou_thr={iou}, neg_iou_thr={iou}, min_pos_iou={iou},
                {low_quality}ignore_iof_thr=-1),
            sampler=dict(
                type='RandomSampler', num=512, pos_fraction=0.25, neg_pos_ub=-1,
                add_gt_as_proposals=True),
            mask_size=28, pos_weight=-1, debug=False),"""
        for iou in (0.5, 0.6, 0.7)
    )


def model(kind: str, head: str, parts: str, low_quality: str, score: float) -> str:
    """A model with everything the published configurations set."""
    return f"""
model = dict(
    type='{kind}',
    backbone=dict(
        type='ResNet', depth=50, num_stages=4, out_indices=(0, 1, 2, 3), frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True), norm_eval=True, style='pytorch',
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    neck=dict(type='FPN', in_channels=[256, 512, 1024, 2048], out_channels=256, num_outs=5),
    rpn_head=dict(
        type='RPNHead', in_channels=256, feat_channels=256,
        anchor_generator=dict(
            type='AnchorGenerator', scales=[8], ratios=[0.5, 1.0, 2.0],
            strides=[4, 8, 16, 32, 64]),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder', target_means=[.0] * 4, target_stds=[1.0] * 4),
        loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0),
        loss_bbox=dict(type='SmoothL1Loss', beta=1.0 / 9.0, loss_weight=1.0)),
    roi_head=dict(
        type='{head}', num_stages=3, stage_loss_weights=[1, 0.5, 0.25],
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
            out_channels=256, featmap_strides=[4, 8, 16, 32]),
        bbox_head=[{HEADS}
        ],{parts}),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(
                type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.3,
                match_low_quality=True, ignore_iof_thr=-1),
            sampler=dict(
                type='RandomSampler', num=256, pos_fraction=0.5, neg_pos_ub=-1,
                add_gt_as_proposals=False),
            allowed_border=0, pos_weight=-1, debug=False),
        rpn_proposal=dict(
            nms_pre=2000, max_per_img=2000, nms=dict(type='nms', iou_threshold=0.7),
            min_bbox_size=0),
        rcnn=[{assigners(low_quality)}
        ]),
    test_cfg=dict(
        rpn=dict(
            nms_pre=1000, max_per_img=1000, nms=dict(type='nms', iou_threshold=0.7),
            min_bbox_size=0),
        rcnn=dict(
            score_thr={score}, nms=dict(type='nms', iou_threshold=0.5), max_per_img=100,
            mask_thr_binary=0.5)))
"""


MASK_PARTS = f"""
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=256, featmap_strides=[4, 8, 16, 32]),
        mask_head=[{MASKS}
        ],"""
HTC = model(
    "HybridTaskCascade",
    "HybridTaskCascadeRoIHead",
    "\n        interleaved=True, mask_info_flow=True," + MASK_PARTS,
    "",
    0.001,
)
CASCADE = model("CascadeRCNN", "CascadeRoIHead", "", "match_low_quality=False, ", 0.05)

SEMANTIC = """
_base_ = './htc_without_semantic.py'
model = dict(
    roi_head=dict(
        semantic_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=14, sampling_ratio=0),
            out_channels=256, featmap_strides=[8]),
        semantic_head=dict(
            type='FusedSemanticHead', num_ins=5, fusion_level=1, num_convs=4, in_channels=256,
            conv_out_channels=256, num_classes=183, SEMANTIC_LOSS)))
"""

SCHEDULE_2X = """
optimizer = dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=0.0001)
optimizer_config = dict(grad_clip=None)
lr_config = dict(
    policy='step', warmup='linear', warmup_iters=500, warmup_ratio=0.001, step=[8, 11])
runner = dict(type='EpochBasedRunner', max_epochs=12)
"""
RUNTIME_2X = """
checkpoint_config = dict(interval=1)
log_config = dict(interval=50, hooks=[dict(type='TextLoggerHook')])
custom_hooks = [dict(type='NumClassCheckHook')]
dist_params = dict(backend='nccl')
log_level = 'INFO'
load_from = None
workflow = [('train', 1)]
"""
DATA_2X = """
dataset_type = 'CocoDataset'
data_root = 'data/coco/'
img_norm_cfg = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', img_scale=(1333, 800), keep_ratio=True),
    dict(type='RandomFlip', flip_ratio=0.5),
    dict(type='Normalize', **img_norm_cfg),
    dict(type='Pad', size_divisor=32),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug', img_scale=(1333, 800), flip=False,
        transforms=[
            dict(type='Resize', keep_ratio=True),
            dict(type='RandomFlip', flip_ratio=0.5),
            dict(type='Normalize', **img_norm_cfg),
            dict(type='Pad', size_divisor=32),
            dict(type='ImageToTensor', keys=['img']),
        ]),
]
data = dict(
    samples_per_gpu=2, workers_per_gpu=2,
    train=dict(
        type=dataset_type, ann_file=data_root + 'annotations/train.json',
        pipeline=train_pipeline),
    test=dict(type=dataset_type, pipeline=test_pipeline))
evaluation = dict(metric=['bbox', 'segm'])
"""
SCHEDULE_3X = """
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', begin=0, end=12, by_epoch=True, milestones=[8, 11], gamma=0.1),
]
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=0.0001))
auto_scale_lr = dict(enable=False, base_batch_size=16)
"""
RUNTIME_3X = """
default_scope = 'mmdet'
default_hooks = dict(logger=dict(type='LoggerHook', interval=50))
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork'))
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='DetLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_level = 'INFO'
load_from = None
resume = False
"""
DATA_3X = """
dataset_type = 'CocoDataset'
backend_args = None
train_pipeline = [
    dict(type='LoadImageFromFile', backend_args=backend_args),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile', backend_args=backend_args),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_shape')),
]
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        type=dataset_type, filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(type=dataset_type, pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    data_preprocessor=dict(
        type='DetDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True, pad_mask=True, pad_size_divisor=32))
"""

DETECTORS = """
_base_ = '../htc/htc.py'
model = dict(
    backbone=dict(
        type='DetectoRS_ResNet', conv_cfg=dict(type='ConvAWS'),
        sac=dict(type='SAC', use_deform=True), stage_with_sac=(False, True, True, True),
        output_img=True),
    neck=dict(
        type='RFP', rfp_steps=2, aspp_out_channels=64, aspp_dilations=(1, 3, 6, 1),
        rfp_backbone=dict(
            rfp_inplanes=256, type='DetectoRS_ResNet', depth=50, num_stages=4,
            out_indices=(0, 1, 2, 3), frozen_stages=1,
            norm_cfg=dict(type='BN', requires_grad=True), norm_eval=True,
            conv_cfg=dict(type='ConvAWS'), sac=dict(type='SAC', use_deform=True),
            stage_with_sac=(False, True, True, True), style='pytorch',
            pretrained='torchvision://resnet50')))
"""

DCN = """
_base_ = './htc.py'
model = dict(
    backbone=dict(
        type='ResNeXt', depth=101, groups=64, base_width=4,
        dcn=dict(type='DCN', deform_groups=1, fallback_on_stride=False),
        stage_with_dcn=(False, True, True, True),
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnext101_64x4d')),
    test_cfg=dict(rcnn=dict(nms=dict(type='soft_nms', min_score=0.001, _delete_=True,
                                     iou_threshold=0.5))))
"""
DCN_2X = """
train_pipeline = [
    dict(
        type='Resize', img_scale=[(1600, 400), (1600, 1400)], multiscale_mode='range',
        keep_ratio=True),
    dict(type='RandomFlip', flip_ratio=0.5),
]
data = dict(samples_per_gpu=1, train=dict(pipeline=train_pipeline))
lr_config = dict(step=[16, 19])
runner = dict(type='EpochBasedRunner', max_epochs=20)
"""
DCN_3X = """
train_pipeline = [
    dict(type='RandomResize', scale=[(1600, 400), (1600, 1400)], keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
]
train_dataloader = dict(batch_size=1, dataset=dict(pipeline=train_pipeline))
max_epochs = 20
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', begin=0, end=max_epochs, by_epoch=True, milestones=[16, 19]),
]
"""


def write_tree(folder: Path, version: int) -> Path:
    """A tree with `htc/htc.py`, `htc/dcn.py`, `cascade/cascade.py`, `detectors/detectors.py`."""
    old = version == 2
    loss = "ignore_label=255, loss_weight=0.2"
    if not old:
        loss = (
            "seg_scale_factor=1 / 8, loss_seg=dict(type='CrossEntropyLoss', ignore_index=255, "
            "loss_weight=0.2)"
        )
    bases = "['../_base_/data.py', '../_base_/schedule.py', '../_base_/runtime.py']"
    # Two bases may not set the same key: 3.x models have their preprocessing in the model's file.
    htc, cascade = HTC, CASCADE
    data, preprocessor = (DATA_2X, "") if old else DATA_3X.split("model = ")
    if not old:
        preprocessor = "model = " + preprocessor
    files = {
        "_base_/data.py": data,
        "_base_/schedule.py": SCHEDULE_2X if old else SCHEDULE_3X,
        "_base_/runtime.py": RUNTIME_2X if old else RUNTIME_3X,
        "_base_/htc.py": htc,
        "_base_/cascade.py": cascade,
        "htc/htc_without_semantic.py": f"_base_ = {bases} + ['../_base_/htc.py']\n{preprocessor}",
        "htc/htc.py": SEMANTIC.replace("SEMANTIC_LOSS", loss),
        "htc/dcn.py": DCN + (DCN_2X if old else DCN_3X),
        "cascade/cascade.py": f"_base_ = {bases} + ['../_base_/cascade.py']\n{preprocessor}",
        "detectors/detectors.py": DETECTORS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def guided(values: dict[str, Any], side: int) -> dict[str, Any]:
    """`values` of an HTC configuration made those of DSC, or with a `side` of 7 of Fast DSC."""
    model = copy.deepcopy(values["model"])
    model["type"] = "DSC"
    heads = model["roi_head"]
    for name in ("interleaved", "mask_info_flow"):
        del heads[name]
    heads["type"] = "DSCRoIHead"
    heads["stage_loss_weights"] = [{"mpn": 1}, {"mpn": 1}, {"mpn": 1}]  # in whatever form
    heads["bbox_roi_extractor"]["type"] = "SgSingleRoIExtractor"
    for head in heads["bbox_head"]:
        head |= {"type": "DSCBBoxHead", "conv_res": 1}
    mask = heads["mask_head"][1] | {"type": "DSCMaskHead"}
    heads["mpn"] = [mask | {"class_agnostic": True} for _ in range(3)]
    heads["mask_head"] = mask
    first, *others = model["train_cfg"]["rcnn"]
    entries = [first, *others, copy.deepcopy(others[-1])]
    for i, entry in enumerate(entries):
        entry["mask_size"] = 2 * side if i < 3 else 28
        entry["assigner"]["match_low_quality"] = False
        if i:
            entry["sampler"] = {"type": "PseudoSampler", "add_gt_as_proposals": False}
    model["train_cfg"]["rcnn"] = entries
    return {**values, "model": model}


def guided_text(side: int) -> str:
    """What a checkpoint of DSC carries of its settings, cut to the part that tells its kind."""
    sizes = [{"mask_size": size} for size in [2 * side] * 3 + [28]]
    return f"model = dict(type='DSC', train_cfg=dict(rcnn={sizes}))\n"
