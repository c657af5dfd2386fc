"""Where papers, slides, overviews and code disagree, and what relook does about it."""

from __future__ import annotations

from relook.analysis.counts import counts_of

from .reading import Reading, Switch

_SAC = "tests/layers/test_sac.py"
_RFP = "tests/models/pyramids/test_rfp.py"
_DSC = "tests/models/cascades/test_dsc.py"
_SWITCHES = "tests/models/cascades/test_dsc_switches.py::test_a_switch_moves_what_it_should"
_PARITY = "tests/parity/test_dsc.py"

READINGS = (
    Reading(
        "Is the switch of SAC linear, or a sigmoid?",
        "The authors' code has no activation, and the author says so: a sigmoid was slightly "
        "worse. An overview article describes a sigmoid.",
        "Linear and unbounded. With a bias of 1 a network with ImageNet weights then starts as it "
        "was, which a sigmoid cannot do.",
        Switch("detectors-htc-r50", ("backbone.sac.switch=sigmoid",)),
        (f"{_SAC}::test_a_sigmoid_does_not", f"{_SAC}::test_the_switch_mixes_the_two_rates"),
    ),
    Reading(
        "Are looks fused by a gate, or by a residual connection?",
        "The code has a gate from a 1x1 convolution and a sigmoid, which mixes the new and the old "
        "map. An overview article speaks of a residual connection between the last features and "
        "the head.",
        "The gate. pyramid.fusion=none takes the last look alone, which is a row of the paper's "
        "ablation.",
        Switch(
            "detectors-htc-r50",
            ("parts.fusion.target=paper.other_readings:ResidualFusion",),
            allow="paper",
        ),
        (
            f"{_RFP}::test_three_looks_by_hand",
            "tests/paper/test_readings.py::test_a_residual_fusion",
        ),
        "A part of a user, in paper/other_readings.py: start relook in this repository, with "
        "python -m relook.",
    ),
    Reading(
        "Which stages are shown features?",
        "Paper and slides: the first block of each stage. The code: of stages 2 to 4. The author "
        "answers that the code is right.",
        "Stages 2 to 4, as all published weights.",
        Switch("detectors-htc-r50", ("pyramid.feedback_stages=[true, true, true, true]",)),
        (f"{_RFP}::test_stages_with_feedback_are_chosen",),
    ),
    Reading(
        "Which 3x3 convolutions become switchable?",
        "The paper: all of the backbone. The code leaves the first stage, and the stem, alone.",
        "Stages 2 to 4, as all published weights.",
        Switch("detectors-htc-r50", ("backbone.sac.stages=[true, true, true, true]",)),
        ("tests/models/build/test_build.py::test_sac_rate_stages_and_deformability",),
        "The second rate is backbone.sac.rate.",
    ),
    Reading(
        "Is there one pyramid network and one connector, or one for each step?",
        "The equations give F and R an index of the level and of the step. The code has one FPN, "
        "and one connector for all levels and steps.",
        "One of each, as all published weights. With two looks the connector runs after the first "
        "only, so that steps make no difference to it.",
        Switch(
            "detectors-htc-r50",
            (
                "parts.neck.target=paper.other_readings:NeckPerLook",
                "parts.neck.args={looks: 2}",
            ),
            allow="paper",
        ),
        (
            "tests/paper/test_readings.py::test_a_neck_for_each_look",
            "tests/paper/test_readings.py::test_one_neck_and_one_connector_for_all_looks",
            f"{_RFP}::test_three_looks_by_hand",
        ),
        "A part of a user, as above. A connector for each level or step would be one too, "
        "parts.connector; it is not written.",
    ),
    Reading(
        'Does "+RFP" also standardise weights?',
        "The published rows with RFP but without SAC have weight standardisation in the whole "
        "backbone, which the paper's table does not mention and its baseline does not have.",
        "The presets named -rfp have it, so that published weights load. What the second look "
        "itself gains is compared with backbone.weight_standardisation=true in the baseline.",
        Switch("htc-r50-rfp", ("backbone.weight_standardisation=false",)),
        (
            "tests/models/build/test_build.py::"
            "test_every_backbone_convolution_is_standardised_where_asked",
        ),
    ),
    Reading(
        "Is SgRoIAlign a mean of products, or a product of means?",
        "The written equation: the mean over sample points of feature times mask plus one. The "
        "code: RoIAlign, times the mask averaged to the same bins.",
        "The product of means, which the published weights were trained with.",
        Switch("dsc-r50", ("cascade.guidance.product=of_samples",)),
        (
            "tests/ops/test_guided_roi_align.py::"
            "test_the_products_differ_where_feature_and_weight_do_within_a_bin",
            "tests/ops/test_guided_roi_align.py::test_of_samples_is_the_mean_over_sample_points",
        ),
    ),
    Reading(
        "Which frame do the masks of DSC show?",
        "The equations: a mask belongs to the enlarged box that it is predicted from. The code "
        "predicts it from the enlarged box and trains it to show the tight one.",
        "As the code. Enlarged boxes must end at the image where masks show them, since their "
        "targets do.",
        Switch(
            "dsc-r50",
            ("cascade.guidance.target_frame=enlarged", "cascade.guidance.clip_to_image=true"),
        ),
        (_SWITCHES,),
    ),
    Reading(
        "What does DSC's last box head look at?",
        "The equations: the enlarged box, as the others. The code: the box itself.",
        "The box itself, as the code.",
        Switch("dsc-r50", ("cascade.guidance.last_box_frame=enlarged",)),
        (_SWITCHES, f"{_PARITY}::test_each_switch_has_its_own_numbers"),
    ),
    Reading(
        "Do enlarged boxes end at the image, and inside the frame before?",
        'The slides have both ("RoI clipping"). The code has both too, but they act on a copy and '
        "are lost.",
        "Neither, since the published weights were trained without them.",
        Switch(
            "dsc-r50",
            ("cascade.guidance.clip_to_image=true", "cascade.guidance.clip_into_previous=true"),
        ),
        (
            f"{_DSC}::test_new_frames_lie_in_the_ones_before_and_in_their_own_image",
            f"{_DSC}::test_frames_of_the_reference_are_not_clipped",
        ),
    ),
    Reading(
        "Are DSC's 1x1 convolutions plain, or with batch norm and ReLU?",
        "Paper and slides: a 1x1 convolution. The code: without bias, then batch norm that learns, "
        "then ReLU.",
        "As the code. HTC's own has a bias and ReLU, and no norm.",
        Switch("dsc-r50", ("cascade.fuse_norm=none",)),
        (
            "tests/models/build/test_build.py::test_norms_and_widths_of_dsc",
            f"{_DSC}::test_training_updates_the_statistics_of_every_projection_once_and_"
            "predicting_none",
        ),
        "The ReLU stays.",
    ),
    Reading(
        "Does looking twice, with SAC, cost little time?",
        "The paper: speed decreases slightly, from 4.3 to 3.9 images a second, a factor of 1.10.",
        "A second look runs a second backbone. See the measured times; the arithmetic alone, "
        "counted, is {work:.2f} times that of HTC.",
        Switch("detectors-htc-r50", ("pyramid.steps=1", "backbone.sac=null")),
        (
            "tests/paper/test_readings.py::test_looking_twice_is_more_arithmetic_than_the_paper_says",
        ),
        "Without both it is HTC with standardised weights. pyramid.share_backbone=true saves "
        "parameters, not time.",
    ),
)
"""In the order of the page."""


def work_of_looking_twice() -> float:
    """Multiply-adds of DetectoRS over those of HTC, on R-50 at 800x1344."""
    both, htc = (
        sum(counts_of(name)["multiply_adds"].values()) for name in ("detectors-htc-r50", "htc-r50")
    )
    return both / htc
