"""Tables of the papers beside what relook measured, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from relook.ablation.published import MEASURES, Published, published_for
from relook.ablation.rows import GROUPS, ROWS
from relook.visualization.page import paragraph, table

from . import measured
from .measured import Timed
from .published import RECALLED, PublishedTable

NAMES = {
    "htc": "HTC",
    "+rfp": "HTC with RFP",
    "+sac": "HTC with SAC",
    "both": "DetectoRS: RFP and SAC",
    "rfp+sharing": "RFP, one backbone for both looks",
    "rfp-aspp": "RFP, fed back without ASPP",
    "rfp-fusion": "RFP, the last look alone",
    "rfp+3x": "RFP, three looks",
    "sac-dcn": "SAC without deformable branches",
    "sac-dcn-global": "SAC without deformable branches and contexts",
    "sac-dcn-locking": "SAC without deformable branches, kernels apart",
    "sac-dcn+ds": "SAC without deformable branches, two switches",
    "sac-sigmoid": "SAC with a sigmoid switch",
    "fast-dsc": "Fast DSC",
    "full-dsc": "DSC",
    "dsc-equations": "DSC by the paper's equations",
    "dsc-initial": "Fast DSC without guidance of the first box head",
    "dsc-exsg": "Fast DSC without explicit guidance",
    "dsc-imsg": "Fast DSC without implicit guidance",
    "dsc-plus1": "Fast DSC, masks without the added one",
    "dsc-afa": "Fast DSC without alignment",
    "dsc-afa+recompute": "Fast DSC, features computed again",
}
"""Rows of ablations in words."""
_NOT_READ = "no number was read"
_TABLE_3 = frozenset((*GROUPS["rfp"][1:], *GROUPS["sac"][1:]))
_STUDY = measured.STUDIES / "dsc.md"
_COLUMNS = ["box AP", "mask AP", "mask AP of huddled objects", "steps"]
FIRST = "paper-runtime.json"  # all models in one run


def printed(one: PublishedTable) -> str:
    """A table of `published`, with the source of each row."""
    rows = [
        [name, *(numbers or ["–"] * len(one.columns)), source] for name, numbers, source in one.rows
    ]
    head = ["", *one.columns, "from"]
    return table(one.caption, head, rows, texts=[len(head) - 1]) + paragraph(one.beside)


def ablation(group: str, caption: str) -> str:
    """Rows of an ablation, as `relook.ablation` knows them, with the columns that compare rows.

    These are AP, and what is published of two rows at least.
    """
    published = [(name, published_for(ROWS[name].at("r50"))) for name in GROUPS[group]]

    def compares(kind: str, measure: str) -> bool:
        having = [n for n, found in published if any(o.of(kind, measure) for o in found)]
        return measure == MEASURES[0] or len(having) > 1

    columns = [(k, m) for k in ("box", "mask") for m in MEASURES if compares(k, m)]
    has_gain = any(one.gain is not None for _, found in published for one in found)
    head = ["", *(f"{kind} {_short(measure)}" for kind, measure in columns)]
    head += [*["gain in box AP"] * has_gain, "from", "row of relook ablate"]
    rows = []
    for name, found in published:
        rows += [_published(name, one, columns, has_gain) for one in found] or [
            _unread(name, len(head))
        ]
    return table(caption, head, rows, texts=[len(head) - 2, len(head) - 1])


def _short(measure: str) -> str:
    name, _, size = measure.partition("_")
    return f"{name.upper()} {size[:1].upper()}".strip()


def _published(
    name: str, one: Published, columns: Sequence[tuple[str, str]], has_gain: bool
) -> list[str]:
    numbers = [_number(one.of(kind, measure)) for kind, measure in columns]
    if has_gain:
        numbers.append("–" if one.gain is None else f"{one.gain:+.1f}")
    source = one.source if one.box else f"{one.source}; the number itself is {RECALLED}"
    return [NAMES[name], *numbers, source, name]


def _unread(name: str, columns: int) -> list[str]:
    reason = RECALLED if name in _TABLE_3 else _NOT_READ
    return [NAMES[name], *["–"] * (columns - 3), reason, name]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def study_of_dsc() -> str:
    """What the study of DSC measured, on data that is not the papers'."""
    parts = []
    for name in ("Mushrooms", "Composed scenes"):
        found = measured.table_of(_STUDY, f"**{name}**")
        rows = [
            [model, *(cells.get(column, "–") for column in _COLUMNS)]
            for model, cells in found.items()
        ]
        if rows:
            caption = f"relook, measured: {name} (docs/studies/dsc.md), tiny models, equal minutes"
            parts.append(table(caption, ["", *_COLUMNS], rows))
    if not parts:
        return paragraph("relook: no study was found in docs/studies/dsc.md.")
    words = "Small networks from random numbers on small data: not to be compared with COCO."
    return "".join(parts) + paragraph(words)


def runtime() -> str:
    """Times of the papers' rows as ratios; from one run of all, where there is one."""
    found = measured.times()
    chosen = {FIRST: found[FIRST]} if FIRST in found else found
    parts = [_times(name, rows) for name, rows in chosen.items()]
    if FIRST not in found:
        missing = (
            "All six models have not been measured in one run yet (python -m paper.runtime). These "
            "are of several runs, and only ratios of one run are to be compared."
        )
        parts.insert(0, paragraph(missing))
    return "".join(parts)


def _times(name: str, rows: Sequence[Timed]) -> str:
    body = [
        [
            one.model,
            f"{one.ratio:.2f} ({one.low:.2f} to {one.high:.2f})",
            f"{one.work:.2f}",
            f"{one.network:.2f} s",
            f"{one.after:.2f} s",
        ]
        for one in rows
    ]
    head = ["", f"network, over {rows[0].base}", "multiply-adds", "network", "post-processing"]
    caption = f"Time of one image, as measured (benchmarks/results/{name})"
    return table(caption, head, body) + paragraph(f"Measured by {rows[0].source}.")
