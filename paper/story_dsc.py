"""The story of DSC, by the paper's names of its three components."""

from __future__ import annotations

from relook.config.cascades import DSCConfig
from relook.config.presets import preset
from relook.visualization.page import Section, paragraph, subheading

from . import cascade_figures, crowd_figure, frame_figures, published, tables
from .parts import Parts, drawing


def cascade(parts: Parts) -> Section:
    """Masks before boxes: initial, explicit and implicit guidance."""
    config = preset("dsc-r50")
    assert isinstance(config.cascade, DSCConfig)
    return Section(
        "Deeply shape-guided cascade: the mask looks first",
        [
            paragraph(
                "In a crowd, the box of one object holds much of another. A box head that sees the "
                "features of the whole box cannot know which of them are its object's. A mask "
                "knows. In HTC masks come after boxes and help each other; in DSC (deeply "
                "shape-guided cascade, arXiv 1911.11263) a mask comes before each box and guides "
                "it, in three ways."
            ),
            drawing(cascade_figures.dsc(config)),
            subheading("1. Initial guidance: a mask-supervised RPN"),
            paragraph(
                "Proposals get a mask at once, before the first box head: a class-agnostic mask "
                "head on every proposal, trained with the masks of the objects. With the RPN it is "
                "what the paper calls a mask-supervised RPN. It looks at the box enlarged, since a "
                "proposal may cut its object off."
            ),
            parts.equation("Features of an enlarged RoI"),
            parts.equation("Enlarged boxes"),
            parts.equation("Clipping into the frame before"),
            subheading("2. Explicit guidance: shape-guided RoIAlign"),
            paragraph(
                "The features that the box head reads are weighed by the mask: those inside count "
                "up to twice as much. One is added to the mask so that what lies outside is "
                "weakened and not lost, for the mask may be wrong."
            ),
            parts.equation("Shape-guided RoIAlign, as it is written"),
            parts.equation("Shape-guided RoIAlign, as the authors' code does it"),
            subheading("3. Implicit guidance: mask features, aligned"),
            paragraph(
                "The features behind the mask are added to those of the box head, and go on to the "
                "next mask head. By then the box has moved: adaptive feature alignment cuts them "
                "anew where the next box lies, without computing them again."
            ),
            drawing(frame_figures.geometry(config.cascade)),
            parts.equation("Adaptive feature alignment"),
            parts.equation("Masks, and the features behind them"),
            parts.equation("Boxes that are guided by masks"),
            subheading("Trained together"),
            parts.equation("Losses of DSC"),
            subheading("On a photograph"),
            paragraph(
                "The authors' slides have pictures of DSC above HTC on photographs. No trained DSC "
                "comes with relook, and none was trained on COCO here. This is the same comparison "
                "with tiny networks, trained for minutes on photographs of mushrooms."
            ),
            crowd_figure.shown(),
            subheading("Where the released code differs"),
            paragraph(
                "relook follows the released code, since the published weights were trained with "
                "it. It differs from paper and slides in the product of the shape-guided RoIAlign, "
                "in the frame that masks are trained to show, in the box that the last box head "
                "looks at, in frames that are meant to be clipped and are not, and in the norms of "
                "the 1x1 convolutions. Each is a switch: see the readings below."
            ),
        ],
    )


def results() -> Section:
    """The published tables, and what was measured here."""
    return Section(
        "DSC: published results",
        [
            tables.ablation("dsc", "HTC, Fast DSC and DSC, COCO val2017, R-50"),
            tables.ablation("guidance", "Components of Fast DSC, COCO val2017, R-50"),
            paragraph("relook trained none of these rows on COCO."),
            *map(tables.printed, published.DSC),
            tables.study_of_dsc(),
        ],
    )
