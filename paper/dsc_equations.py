"""The equations of DSC."""

from __future__ import annotations

from . import dsc_checks
from .equation import Equation
from .source import Lines

_PAPER = "DSC, arXiv 1911.11263"
_CASCADE = f"{_PAPER}: the cascade, as the authors' slides write it"
_DSC = "relook.models.cascades.dsc:ShapeGuidedCascade"
SINGLE = 1e-4  # pixels: masks, logits and deltas are handed out in float32

EQUATIONS = (
    Equation(
        "Features of an enlarged RoI",
        _CASCADE,
        ("F_m^t = f(B_e^t, F)",),
        "f is RoIAlign, from the pyramid level that fits the enlarged box: bilinear samples, about "
        "one for each cell, and their mean in each of S x S bins.",
        (
            Lines("relook.models.cascades.guidance:frames_of"),
            Lines("relook.ops.roi_align:pyramid_level"),
            Lines("relook.ops.roi_align:align_adaptive"),
        ),
        dsc_checks.pooling,
    ),
    Equation(
        "Enlarged boxes",
        f"{_PAPER}: adaptive feature alignment; ratios as the authors' code has them",
        (
            "r_t = 2^{1 - t/3}",
            "B_e^t = (x_1 - {r_t - 1}//{2} w, y_1 - {r_t - 1}//{2} h,\n "
            "x_2 + {r_t - 1}//{2} w, y_2 + {r_t - 1}//{2} h)",
        ),
        "Rounded to two digits: 2, 1.59, 1.26. The fourth of the authors' numbers, 1, is the box "
        "of the final mask.",
        (
            Lines("relook.ops.frames:enlarge"),
            Lines(
                "relook.structures.rules.guidance:GuidanceRule.ratios",
                "if self.align",
                "return tuple",
            ),
        ),
        dsc_checks.frames,
    ),
    Equation(
        "Clipping into the frame before",
        f"{_PAPER}: RoI clipping; off by default (see the readings)",
        ("B_e^{t+1} → B_e^{t+1} ∩ B_e^t",),
        "The next frame ends where the last one did, so that all of it has been seen.",
        (Lines("relook.ops.frames:cut"),),
        dsc_checks.clipping,
    ),
    Equation(
        "Adaptive feature alignment",
        _PAPER,
        (
            'a(F_-, B_e^{t-1}, B_e^t) =\n "RoIAlign"(F_-, {B_e^t - "corner"(B_e^{t-1})}'
            '//{"size"(B_e^{t-1})} S)',
        ),
        "Features of a RoI are a map of its own. The new frame is told in cells of that map and "
        "sampled there; nothing is computed again.",
        (Lines("relook.ops.frames:align_inside"), Lines("relook.ops.frames:inside")),
        dsc_checks.alignment,
    ),
    Equation(
        "Shape-guided RoIAlign, as it is written",
        f"{_PAPER}, and the authors' slides",
        ('f_{B,M}(h, w) = {1}//{n} "Σ"_{i=1}^n f(a_i, b_i)\n · (m(c_i, d_i) + 1)',),
        "The mean over the sample points of a bin of feature times mask plus one. This is the "
        "switch guidance.product=of_samples.",
        (Lines("relook.ops.guided_roi_align:_of_samples", "size = (side", "pooled.append(F.avg"),),
        dsc_checks.guided_samples,
    ),
    Equation(
        "Shape-guided RoIAlign, as the authors' code does it",
        "The slides' code; the default here",
        ('f_{B,M}(h, w) = ({1}//{n} "Σ"_i f(a_i, b_i))\n · ("mean"_{h,w}(m) + 1)',),
        "The product of two means, which the published weights were trained with.",
        (
            Lines(
                "relook.ops.guided_roi_align:pool_guided", "pooled = pool_pyramid", "return pooled"
            ),
            Lines(f"{_DSC}._box", "weights = shapes", "pooled = pool_guided"),
        ),
        dsc_checks.guided_means,
    ),
    Equation(
        "Masks, and the features behind them",
        _CASCADE,
        ("(M^t, F_-^t) = m^t(F_m^t ⊕\n w_m^t · a(F_-^{t-1}, B_e^{t-1}, B_e^t))",),
        "⊕ is the sum of each element, w a 1x1 convolution with batch norm and ReLU. m are four "
        "convolutions and, for the mask, an upsampling and logits. The check runs three iterations "
        "and the final masks. The tolerance is that of float32, in which masks are handed out.",
        (
            Lines(f"{_DSC}._guide"),
            Lines("relook.models.cascades.guidance:mask_features_of"),
            Lines("relook.models.heads.mask:MaskHead.features"),
            Lines(f"{_DSC}._mask"),
        ),
        dsc_checks.masks,
        SINGLE,
    ),
    Equation(
        "Boxes that are guided by masks",
        _CASCADE,
        (
            "F_b^{t+1} = f_s(B_e^t, F, M^t)",
            "B^{t+1} = b^t(B^t, F_b^{t+1} ⊕ w_b^{t+1} · F_-^t)",
        ),
        "f is the shape-guided RoIAlign, b a box head of two hidden layers. The check compares "
        "boxes and scores of whole cascades of three iterations, for both products of the guided "
        "RoIAlign. The tolerance is that of float32, in which box heads answer.",
        (
            Lines(f"{_DSC}._box"),
            Lines("relook.models.heads.box:BoxHead.forward"),
            Lines(f"{_DSC}._refined"),
        ),
        dsc_checks.boxes,
        SINGLE,
    ),
    Equation(
        "Losses of DSC",
        f"{_PAPER}; weights as the authors' code has them",
        (
            'L = "Σ"_t (L_{class}^t + β_t L_{box}^t + L_{guide}^t)\n + L_{mask} + L_{rpn} + '
            "L_{semantic}",
        ),
        "β is 1, 0.5 and 0.5. Each of the losses is that of the cascade above; guidance masks are "
        "of one class. The check sums what the loss functions of a whole cascade were heard to "
        "say; they have a check of their own, above. The total is in float32.",
        (
            Lines(f"{_DSC}.loss", 'losses[f"stage{t}.guide"]', 'losses[f"stage{t}.box"]'),
            Lines(f"{_DSC}._guide_loss"),
        ),
        dsc_checks.losses,
        1e-6,
    ),
)
"""In the order of the page."""
