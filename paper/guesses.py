"""Definitions that no source at hand gives: what relook takes, and where it is set."""

from __future__ import annotations

from relook.visualization.page import paragraph, table

GUESSES = (
    (
        "Fast DSC without alignment (-AFA)",
        "No frame is enlarged, and the mask features of the iteration before are added as they are",
        "cascade.guidance.alignment=none",
        "The table has a name and numbers only",
    ),
    (
        "Fast DSC with features computed again (-AFA + ReComp)",
        "No frame is enlarged; earlier mask heads are run once more on the new boxes",
        "cascade.guidance.alignment=recompute",
        "An older file of the authors enlarges frames here; whether the row did is not said",
    ),
    (
        "Fast DSC without implicit guidance (-ImSG)",
        "Box heads are not shown mask features; mask heads still hand theirs on",
        "cascade.guidance.implicit=false",
        "Whether the row kept the way between mask heads is not said",
    ),
    (
        "Two switches (SAC - DCN + DS)",
        "Two gates that start at 1 and 0, so that the layer begins as a plain convolution",
        "backbone.sac.switch=dual",
        "The start of the second gate is not told",
    ),
    (
        "Start of mask and semantic logits",
        "By fan-in, not by fan-out as in the reference, where one class starts with a loss of 18",
        "layers/initialise.py",
        "Our choice: imported weights are not touched by it",
    ),
    (
        "Scores of DSC",
        "The mean of the logits of the last two box heads",
        "cascade.rows, as the authors' code",
        "The text at hand does not say it",
    ),
    (
        "Semantic branch in DSC",
        "As in HTC, pooled at the tight boxes",
        "semantic",
        "The code has it; the slides' equations leave it out",
    ),
    (
        "Proposals of DSC without area",
        "Kept, as the authors' library of that time did",
        "min_bbox_size_rule of the proposals",
        "No text tells of them",
    ),
)
"""What, what relook takes, where it is set, and why it is a guess."""


def shown() -> str:
    """The table as HTML, with a sentence."""
    rows = [list(row) for row in GUESSES]
    head = ["what", "what relook takes", "where it is set", "why it is a guess"]
    return paragraph(
        "These definitions are ours, since no source at hand gives them. Numbers of these rows are "
        "not to be compared with published ones before somebody has seen the original."
    ) + table("Ours by guess", head, rows, texts=[1, 2, 3])
