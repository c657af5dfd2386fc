"""The story of DetectoRS: one idea a section, each with its figure, equations and pictures."""

from __future__ import annotations

from relook.config.presets import preset
from relook.visualization.page import Section, paragraph

from . import (
    block_figures,
    cascade_figures,
    photographs,
    published,
    pyramid_figures,
    sampling_figures,
    sliders,
    tables,
)
from .parts import Parts, drawing, photograph, without_script

_HTC, _BOTH = "htc-r50", "detectors-htc-r50"


def why() -> Section:
    """Feedback in perception, and what a second look does on a photograph."""
    return Section(
        "Why look twice",
        [
            paragraph(
                "People do not see a picture in one sweep. What is high in the visual system, a "
                "guess of what is there, is sent back down and changes what the lower parts answer "
                "to. A detector with one pass has no such way: its first layers must decide what "
                "matters before anything is known about the picture."
            ),
            paragraph(
                "Detectors learned to think twice before they learned to look twice. Two-stage "
                "detectors first propose regions and then judge them; cascades judge several "
                "times. All of this happens at the end, on features that are computed once. "
                "DetectoRS takes the idea into the features themselves: at the large scale, the "
                "pyramid is fed back into the backbone, which looks again (RFP); at the small "
                "scale, each convolution looks at the map with two rates and decides between "
                "them (SAC)."
            ),
            photograph(photographs.looks()),
        ],
    )


def before(parts: Parts) -> Section:
    """FPN, atrous convolution and cascades, which both papers stand on."""
    return Section(
        "What was known before",
        [
            paragraph(
                "A backbone makes maps that are ever smaller and ever richer. Small objects need "
                "the fine maps, and what they are is known only in the coarse ones. A feature "
                "pyramid brings both together."
            ),
            drawing(pyramid_figures.feature_pyramid(preset(_HTC))),
            parts.equation("Feature pyramid"),
            paragraph(
                "How much of the map a convolution sees need not cost weights. An atrous "
                "convolution of rate r puts r - 1 cells between its taps: the same nine weights "
                "over a larger field, with holes."
            ),
            drawing(sampling_figures.grids((1, 2, 3))),
            sliders.rate(photographs.patch()),
            without_script(
                "With scripts, the rate can be moved over a piece of a photograph here."
            ),
            paragraph(
                "A cascade refines boxes in several stages, each trained with a stricter demand on "
                "overlap. Hybrid Task Cascade puts masks between the stages, hands mask features "
                "on, and adds a semantic map of the whole image. Its detector is what both papers "
                "begin with."
            ),
            drawing(cascade_figures.htc(preset(_HTC))),
            photograph(photographs.stages()),
            parts.equation("Refinement of boxes in the cascade"),
            parts.equation("Mask information flow"),
            parts.equation("Losses of the Hybrid Task Cascade"),
        ],
    )


def recursive(parts: Parts) -> Section:
    """The recursive feature pyramid."""
    both = preset(_BOTH)
    return Section(
        "Recursive feature pyramid: looking twice at the image",
        [
            paragraph(
                "The idea: what the pyramid has found goes back into the stages of the backbone, "
                "and the backbone computes its maps again, now knowing what is there. The loop "
                "can be unrolled: T looks at one image, each with what the look before knew."
            ),
            drawing(pyramid_figures.recursive(both)),
            drawing(pyramid_figures.unrolled(both)),
            parts.equation("Recursive feature pyramid, and the same unrolled"),
            sliders.looks(parts.costs()),
            without_script(parts.costs_in_words()),
            paragraph(
                "Where does a fed-back level enter? In the first block of its stage, by a "
                "projection that starts at zero: at the beginning of training the second look is "
                "the first one, and nothing that was learned on ImageNet is disturbed."
            ),
            drawing(block_figures.stage_entry(both)),
            parts.equation("Where a stage is shown features"),
            paragraph(
                "On its way back a level goes through ASPP, which gathers surroundings at several "
                "rates: what is useful to a stage is not only what lies at the same position."
            ),
            drawing(block_figures.connector(both)),
            parts.equation("ASPP, the connector"),
            paragraph(
                "The second look does not replace the first. A gate decides at each position how "
                "much of each goes on."
            ),
            drawing(block_figures.fusion(both)),
            parts.equation("Fusion of a look with the one before"),
        ],
    )


def switchable(parts: Parts) -> Section:
    """Switchable atrous convolution."""
    return Section(
        "Switchable atrous convolution: looking twice at every position",
        [
            paragraph(
                "The idea: objects of different sizes need fields of different sizes, and a "
                "convolution has one. So every 3x3 convolution of the later stages is run with two "
                "rates, and a switch that is computed from the map itself mixes them. Both share "
                "their weights up to a difference that is learned (the lock): a network with "
                "ImageNet weights is turned into one with SAC and computes at first what it did."
            ),
            drawing(block_figures.sac_block(preset(_BOTH))),
            parts.equation("Switchable atrous convolution"),
            sliders.switch(photographs.branches()),
            without_script(
                "With scripts, the switch can be moved between both branches of a layer here."
            ),
            parts.equation("The switch"),
            parts.equation("Weight standardisation"),
            parts.equation("Global context and deformable branches"),
            photograph(photographs.switches()),
        ],
    )


def results() -> Section:
    """The published tables."""
    return Section(
        "DetectoRS: published results",
        [
            paragraph(
                "Every number has its source beside it. Numbers that were only remembered are left "
                "out. relook trained none of these rows on COCO."
            ),
            tables.ablation("main", "DetectoRS, table 2: COCO val2017, R-50, 12 epochs"),
            tables.ablation("rfp", "DetectoRS, table 3: recursive feature pyramid"),
            tables.ablation("sac", "DetectoRS, table 3: switchable atrous convolution"),
            *map(tables.printed, published.DETECTORS),
        ],
    )
