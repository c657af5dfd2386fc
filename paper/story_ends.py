"""The last sections: claims and what was seen of them here, glossary, further reading."""

from __future__ import annotations

from relook.visualization.page import Section, paragraph, table

from . import measured, tables
from .glossary import glossary

_SMALL = "docs/studies/small-scale.md"
HOLDS = (
    (
        "The equations are what relook computes",
        "yes",
        "each was checked while this page was built",
    ),
    (
        "Published weights give published detections",
        "not tried",
        "none could be fetched here; recordings of the reference agree (tests/parity)",
    ),
    (
        "RFP gains in AP",
        "not at small scale",
        f"over HTC with standardised weights -0.1 [-0.7, 0.6] mask AP on composed scenes; {_SMALL}",
    ),
    (
        "SAC gains in AP",
        "not at small scale",
        f"-1.4 [-2.4, -0.6] in a thousand steps on composed scenes, no loss on nuclei; {_SMALL}",
    ),
    (
        "Standardised weights gain in AP",
        "yes",
        f"+1.2 [0.6, 1.9] over HTC on composed scenes, +3.2 [0.9, 5.8] on nuclei; {_SMALL}",
    ),
    ("Fast DSC gains in AP", "yes", f"+1.7 [1.1, 2.4] on composed scenes; {_SMALL}"),
    (
        "DSC gains more where objects are more huddled",
        "not at small scale",
        f"no difference by crowding; {_SMALL}",
    ),
    ("DSC gains in AP", "yes, less than Fast DSC", f"+0.8 [0.0, 1.5]; {_SMALL}"),
)
READING = (
    ("DetectoRS", "Qiao, Chen, Yuille", "arXiv 2006.02334, CVPR 2021"),
    ("DSC", "Ding, Qiao, Yuille, Shen", "arXiv 1911.11263, CVPR 2021"),
    ("Hybrid Task Cascade", "Chen and others", "arXiv 1901.07518, CVPR 2019"),
    ("Cascade R-CNN", "Cai, Vasconcelos", "arXiv 1712.00726, CVPR 2018"),
    ("Feature pyramid networks", "Lin and others", "arXiv 1612.03144, CVPR 2017"),
    ("Mask R-CNN", "He and others", "arXiv 1703.06870, ICCV 2017"),
    ("Atrous convolution, ASPP", "Chen and others, DeepLab", "arXiv 1606.00915"),
    ("Deformable convolution", "Dai and others", "arXiv 1703.06211, ICCV 2017"),
    ("Weight standardisation", "Qiao and others", "arXiv 1903.10520"),
)


def second_look() -> tuple[str, str, str]:
    """The claim about the time of a second look, with what the section on time shows."""
    rfp = next(one for one in measured.times()[tables.FIRST] if one.model == "htc-r50-rfp")
    return (
        "A second look costs little time",
        f"{rfp.ratio - 1:.0%} more",
        f"HTC with RFP has {rfp.work:.2f} times the multiply-adds of HTC and takes {rfp.ratio:.2f} "
        "times its time on a CPU; see Time, and the readings",
    )


def holds() -> Section:
    """Claims, and what was seen here."""
    return Section(
        "What is known to hold here, and what is not",
        [
            paragraph(
                "The published gains are those of large networks on COCO. Here only small networks "
                "on small data were trained: 95 % intervals over seeds, mask AP in points. That "
                "something did not gain here does not say that it does not gain at full scale."
            ),
            table(
                "Claims",
                ["claim", "here", "why"],
                [list(row) for row in (*HOLDS, second_look())],
                texts=[1, 2],
            ),
        ],
    )


def words() -> Section:
    """The glossary."""
    return Section("Glossary", [glossary()])


def further() -> Section:
    """Papers to read."""
    rows = [list(row) for row in READING]
    return Section(
        "Further reading", [table("Papers", ["what", "who", "where"], rows, texts=[1, 2])]
    )
