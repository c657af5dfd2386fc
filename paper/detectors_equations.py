"""The equations of DetectoRS and of the cascade that it stands on."""

from __future__ import annotations

from . import cascade_checks, detectors_checks
from .equation import Equation
from .source import Lines

_RFP = "DetectoRS, section 3 (arXiv 2006.02334)"
_SAC = "DetectoRS, section 4 (arXiv 2006.02334)"
_SAC_LAYER = "relook.layers.sac:SAConv2d"

EQUATIONS = (
    Equation(
        "Feature pyramid",
        f"{_RFP}; FPN, arXiv 1612.03144",
        ("f_i = F_i(f_{i+1}, x_i)", 'x_i = B_i(x_{i-1}), "  " i = 1, …, S'),
        "B are the stages of the backbone and F the levels of the pyramid, from coarse to fine: a "
        "1x1 convolution, the coarser level repeated twice in each direction and added, a 3x3 "
        "convolution. The fifth level is every second cell of the fourth.",
        (Lines("relook.models.pyramids.fpn:FPN.forward"),),
        detectors_checks.fpn,
    ),
    Equation(
        "Recursive feature pyramid, and the same unrolled",
        _RFP,
        (
            "f_i = F_i(f_{i+1}, x_i)",
            "x_i = B_i(x_{i-1}, R_i(f_i))",
            "f_i^t = F_i^t(f_{i+1}^t, x_i^t)",
            'x_i^t = B_i^t(x_{i-1}^t, R_i^t(f_i^{t-1})), "  " t = 1, …, T',
        ),
        "R is the connector; the image is looked at again in every step. F and R are one module "
        "for all steps here, B one for each. The check goes through three looks stage by stage; "
        "B, F, R and the fusion have checks of their own.",
        (
            Lines("relook.models.pyramids.rfp:RecursiveFeaturePyramid.forward"),
            Lines("relook.models.pyramids.rfp:feedback_for"),
        ),
        detectors_checks.recursion,
    ),
    Equation(
        "Where a stage is shown features",
        f"{_RFP}, figure 3",
        ('y = ReLU(g(x) + "shortcut"(x)\n + W R(f) + b)',),
        "g are the three convolutions of the first block of a stage with their norms. W is a 1x1 "
        "convolution that starts at zero, so that a network with ImageNet weights computes what it "
        "did before.",
        (Lines("relook.models.backbones.resnet:Bottleneck.forward"),),
        detectors_checks.feedback,
    ),
    Equation(
        "ASPP, the connector",
        "DetectoRS, section 3.2 (arXiv 2006.02334)",
        ('R(f) = ReLU("concat"(W_0 f, W_1 *_3 f,\n W_2 *_6 f, W_3 GAP(f)))',),
        "Four branches of a quarter of the channels: 1x1, 3x3 with dilation 3, 3x3 with dilation "
        "6, and 1x1 of the mean over the map. No convolution after them.",
        (Lines("relook.layers.aspp:ASPP.forward"),),
        detectors_checks.aspp,
    ),
    Equation(
        "Fusion of a look with the one before",
        _RFP,
        (
            "f^{t+1} = α h + (1 - α) f^t",
            "α = σ(w h + b)",
        ),
        "h is the pyramid of the new look. The gate α has one value a position, from a 1x1 "
        "convolution that all levels share.",
        (Lines("relook.models.pyramids.rfp:GatedFusion.blend"),),
        detectors_checks.fusion,
    ),
    Equation(
        "Weight standardisation",
        f"{_SAC}; arXiv 1903.10520",
        ("w' = γ {w - μ}//{√{σ^2 + ε}} + β",),
        "Mean and unbiased variance are those of an output channel's own kernel; ε is 0.00001. γ "
        "and β are not trained: they are the statistics of the kernel that was loaded.",
        (
            Lines("relook.layers.sac:AWSConv2d.standardised"),
            Lines("relook.layers.sac:kernel_statistics"),
        ),
        detectors_checks.weights,
    ),
    Equation(
        "Switchable atrous convolution",
        _SAC,
        ("Conv(x, w, 1) →", "S(x) · Conv(x, w, 1)\n + (1 - S(x)) · Conv(x, w + Δw, r)"),
        "The lock: the second kernel is the first plus Δw, which starts at zero. r is 3. The check "
        "has the global context, below, before and after it.",
        (
            Lines(f"{_SAC_LAYER}._mixed", "stride, rates = (", "gates = gates_of"),
            Lines(f"{_SAC_LAYER}._mixed", "few_channels.convolution(own", "return (gates"),
            Lines(f"{_SAC_LAYER}.far_kernel"),
            Lines("relook.layers.sac:gates_of"),
        ),
        detectors_checks.sac,
    ),
    Equation(
        "The switch",
        _SAC,
        ('S(x) = w_S · "mean"_{5×5}(x) + b_S',),
        "Linear and unbounded, with b = 1 and w = 0 at the start. The map is mirrored at its "
        "border.",
        (
            Lines(f"{_SAC_LAYER}.forward", "pooled =", "pooled ="),
            Lines("relook.layers.sac:neighbourhood_mean", "padded = F.pad", "return F.avg_pool2d"),
        ),
        detectors_checks.switch,
    ),
    Equation(
        "Global context and deformable branches",
        f"{_SAC}; deformable convolution, arXiv 1703.06211",
        (
            "x → x + W_1 GAP(x) + b_1",
            "y → y + W_2 GAP(y) + b_2",
            'Conv(x, w, r)(p) =\n "Σ"_k w_k x(p + r k + Δp_k)',
        ),
        "Added, not multiplied, and without an activation. Both branches sample at offsets from "
        "convolutions of their own over the mean of the neighbourhood.",
        (
            Lines(f"{_SAC_LAYER}.forward"),
            Lines(f"{_SAC_LAYER}._mixed", "shifts =", "return mixed_convolution"),
        ),
        detectors_checks.deformable,
    ),
    Equation(
        "Refinement of boxes in the cascade",
        "Cascade R-CNN, arXiv 1712.00726; R-CNN, arXiv 1311.2524, appendix C",
        (
            "B^{t+1} = b^t(B^t)",
            "(x', y') = (x + w σ_x δ_x, y + h σ_y δ_y)",
            '(w\', h\') = (w " exp"(σ_w δ_w), h " exp"(σ_h δ_h))',
        ),
        "σ are the deviations of a stage, smaller each time. Boxes end at the border of their "
        "image.",
        (
            Lines("relook.ops.boxes:decode"),
            Lines("relook.models.cascades.steps:refine"),
        ),
        cascade_checks.refinement,
    ),
    Equation(
        "Mask information flow",
        "Hybrid Task Cascade, arXiv 1901.07518, section 3",
        ('m_t^- = M_t(r_t + ReLU(G_t m_{t-1}^-)),\n m_t = "logits"(m_t^-)',),
        "r are the features of a RoI and G a 1x1 convolution. What is passed on are the features "
        "before the upsampling.",
        (
            Lines("relook.models.heads.mask:MaskHead.features"),
            Lines("relook.models.heads.mask:MaskHead.predict"),
            Lines(
                "relook.models.cascades.htc:HybridTaskCascade._masks",
                "carried = None",
                "return head",
            ),
        ),
        cascade_checks.mask_flow,
    ),
    Equation(
        "Losses of the Hybrid Task Cascade",
        "Hybrid Task Cascade, section 3; Cascade R-CNN; Mask R-CNN, arXiv 1703.06870",
        (
            'L = "Σ"_t λ_t (L_{class}^t + L_{box}^t + L_{mask}^t)\n + L_{rpn} + L_{semantic}',
            'L_{class} = - {1}//{R} "Σ"_r " log " p_r(c_r)',
            'L_{box} = {1}//{R} "Σ"_{r" positive"} "smooth"_{L1}(δ_r - δ_r^*)',
            'L_{mask} = "mean of " (- m^* " log " σ(m)\n - (1 - m^*) " log"(1 - σ(m)))',
        ),
        "λ is 1, 0.5 and 0.25. Both losses of boxes are divided by the number R of RoIs, positive "
        "or not. The mask that is to be found is cut out by RoIAlign and set to 1 from one half "
        "on.",
        (
            Lines("relook.models.heads.box:box_loss"),
            Lines("relook.models.heads.mask:mask_loss", "class_logits = own_class"),
            Lines("relook.ops.masks:mask_targets"),
            Lines("relook.models.cascades.htc:HybridTaskCascade.loss", "losses |=", "losses |="),
        ),
        cascade_checks.losses,
    ),
)
"""In the order of the page."""
