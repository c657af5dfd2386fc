"""Settings of MMDetection that change the numbers of a prediction.

A value under such a key is either carried over, or equal to what relook computes, or in conflict.
It is never ignored, because a model with another value predicts other boxes, scores or masks.
"""

from __future__ import annotations

import re
from typing import Final

_PREDICTING: Final = re.compile(
    r"(model(\.|$)|test_cfg\.(rpn|rcnn|keep_all_stages)\b|img_norm_cfg\.(mean|std|to_rgb)$"
    r"|(\w+\.)*(test_pipeline|pipeline)\.\d+\.(\w+\.)*(mean|std|to_rgb|keep_ratio|flip|size_divisor)$)"
)
"""The model, its thresholds, and the normalisation and size of images."""

TRAINING_ONLY: Final = re.compile(
    r"model\.("
    r"train_cfg\b|pretrained$|init_cfg\b"
    r"|(.*\.)?(frozen_stages|norm_eval|with_cp|zero_init_residual|output_img|init_cfg|pretrained)\b"
    r"|(.*\.)?norm_cfg\.requires_grad$|(.*\.)?gpu_assign_thr$"
    r"|(.*\.)?loss_(?!cls\.type$)\w+|roi_head\.stage_loss_weights\b"
    r"|(.*\.)?semantic_head\.(ignore_label|loss_weight)$|(.*\.)?reg_decoded_bbox$"
    r"|rpn_head\.loss_cls\.type$"
    r"|data_preprocessor\.(pad_mask|pad_seg|mask_pad_value|seg_pad_value|batch_augments)\b"
    r"|(.*\.)?nms_post$)"
)
"""Keys below ``model`` that only a training reads."""


def changes_numbers(path: str) -> bool:
    """Return whether the value at a dotted `path` changes what a model predicts."""
    return _PREDICTING.match(path) is not None and TRAINING_ONLY.match(path) is None
