"""Letters and words of both papers."""

from __future__ import annotations

from relook.visualization.page import table

LETTERS = (
    ("x, xᵢ", "an input, and the map of stage i of the backbone", "both"),
    ("f, fᵢ", "features, and the map of level i of the pyramid", "both"),
    ("Bᵢ (DetectoRS)", "stage i of the backbone, the bottom-up way", "DetectoRS"),
    ("Fᵢ", "level i of the pyramid, the top-down way", "DetectoRS"),
    ("Rᵢ", "the connector that a level goes through to be fed back", "DetectoRS"),
    (
        "S, S(x)",
        "the switch of SAC, one value a position; in equations of DSC the side of a map",
        "",
    ),
    ("T, t", "number of looks, and one of them; in DSC t counts iterations", "both"),
    ("w, Δw", "a kernel, and what the far branch adds to it (the lock)", "DetectoRS"),
    ("r", "the rate of an atrous convolution; in DSC the factor that enlarges a box", "both"),
    ("α", "the gate that mixes two looks", "DetectoRS"),
    ("Bᵗ (DSC)", "boxes of iteration t; Bₑᵗ the enlarged ones", "DSC"),
    ("Mᵗ", "guidance masks of iteration t", "DSC"),
    ("F₋ᵗ", "features behind the masks of iteration t", "DSC"),
    ("mᵗ, bᵗ", "mask head and box head of iteration t", "DSC"),
)
WORDS = (
    ("AP", "average precision over IoU from 0.5 to 0.95, in hundredths; AP50, AP75 at one IoU"),
    ("AP S, M, L", "AP of objects under 32 x 32 pixels, under 96 x 96, and of larger ones"),
    ("atrous or dilated convolution", "a convolution whose taps are r cells apart"),
    ("cascade", "box heads behind one another, each with a stricter IoU for its positives"),
    ("FPN", "feature pyramid network: maps of several resolutions with what coarse ones know"),
    ("RFP", "recursive feature pyramid: FPN whose levels are fed back into the backbone"),
    ("SAC", "switchable atrous convolution: two rates mixed by a learned switch"),
    ("ASPP", "atrous spatial pyramid pooling: branches of several rates, joined"),
    ("RoI, RoIAlign", "a box to look at, and its features sampled to a fixed grid"),
    ("HTC", "Hybrid Task Cascade: a cascade of boxes and masks with a semantic branch"),
    ("MPN, mask-supervised RPN", "DSC: masks of proposals before the first box head"),
    ("SgRoIAlign", "DSC: RoIAlign whose features a mask weighs"),
    ("AFA", "DSC: adaptive feature alignment, features of one frame cut anew for the next"),
    ("huddled objects", "objects whose boxes overlap those of others"),
)


def glossary() -> str:
    """Both tables as HTML."""
    letters = [[letter, meaning, where or "both"] for letter, meaning, where in LETTERS]
    words = [list(row) for row in WORDS]
    return table(
        "Letters: the papers use some of them twice", ["letter", "meaning", "paper"], letters,
        texts=[1, 2],
    ) + table("Words", ["word", "meaning"], words, texts=[1])  # fmt: skip
