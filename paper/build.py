"""`python -m paper.build`: the page, with every check run on the way.

Nothing is fetched, and the page asks for nothing: no link leads outside of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from relook.config.cascades import DSCConfig
from relook.config.presets import preset
from relook.errors import RelookError
from relook.runtime.files import write_text
from relook.training.run_folder import environment
from relook.visualization.page import Fact, Section, figure_of, page, paragraph

from . import (
    block_figures,
    detectors_equations,
    dsc_equations,
    dsc_figures,
    equation,
    published,
    pyramid_figures,
    reading,
    readings,
    sampling_figures,
    tables,
)
from .contents import contents, heading
from .drawing import Drawn
from .equation import Checked, Disagreement, Equation
from .reading import Reading, Unfounded

PLACE = Path("build/paper.html")
STYLE = """
header,nav,main,footer{max-width:80rem}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));
gap:.4rem 1.4rem;align-items:start;margin-bottom:1.6rem}.beside>*{min-width:0}
.beside pre{font-size:.75rem}
@media(min-width:64rem){.beside{grid-template-columns:5fr 8fr}}
math{font-size:1.15rem}.formula{padding:.1rem 0 .5rem;margin:0;overflow-y:hidden}
.place{font-size:.82rem;color:var(--soft);margin:.5rem 0 .2rem}
.checked{color:var(--s2);font-size:.9rem}.contents{columns:18rem;padding-left:1.2rem;margin:.6rem 0}
dl.reading{display:block;margin:.4rem 0 1.8rem}dl.reading dt{margin-top:.5rem}
dl.reading div{background:none;border:0;padding:0}
dl.reading dd{font-size:1rem;line-height:1.5}code{font-size:.85rem;overflow-wrap:anywhere}
.switch{background:var(--card);
border:1px solid var(--line);border-radius:.3rem;padding:.15rem .4rem}
figure{margin-bottom:1.4rem}h3{scroll-margin-top:1rem}
"""
_LEAD = (
    "Each equation of DetectoRS (arXiv 2006.02334) and of DSC (arXiv 1911.11263) beside the lines "
    "of relook that are it, each figure drawn from the model that runs, each published table with "
    "its provenance, and the places where the sources disagree."
)


def equations(which: Sequence[Equation]) -> tuple[list[str], list[Checked]]:
    """HTML of equations, and what their checks said.

    Raises:
        Disagreement: when a check fails.
        LookupError: when the lines of one are gone.
    """
    checked = [equation.run(one) for one in which]
    return [equation.shown(*pair) for pair in zip(which, checked, strict=True)], checked


def figures_of_detectors() -> list[Drawn]:
    """From the presets as they are."""
    htc, both = preset("htc-r50"), preset("detectors-htc-r50")
    assert both.backbone.sac is not None
    rates = sorted({1, 2, both.backbone.sac.rate})
    return [
        pyramid_figures.unrolled(htc, "Feature pyramid (htc-r50)"),
        pyramid_figures.unrolled(both, "Recursive feature pyramid, unrolled (detectors-htc-r50)"),
        pyramid_figures.recursive(both, "Recursive feature pyramid (detectors-htc-r50)"),
        block_figures.stage_entry(both),
        block_figures.fusion(both),
        block_figures.connector(both),
        block_figures.sac_block(both),
        sampling_figures.grids(rates),
    ]


def figures_of_dsc() -> list[Drawn]:
    """From the presets as they are; the framework with the narrow widths of the tiny one."""
    full = preset("dsc-r50").cascade
    assert isinstance(full, DSCConfig)
    return [dsc_figures.framework(preset("dsc-tiny")), dsc_figures.geometry(full)]


def readings_of(which: Sequence[Reading]) -> list[str]:
    """HTML of readings, each verified.

    Raises:
        Unfounded: when a switch or a test of one is not there.
    """
    work = readings.work_of_looking_twice()
    for one in which:
        reading.verify(one)
    return [reading.shown(replace(one, ours=one.ours.format(work=work))) for one in which]


def build(told: Callable[[str], None] = lambda _: None) -> str:
    """The page as HTML.

    Raises:
        Disagreement, LookupError, Unfounded: when something on the page is no longer so.
    """
    torch.set_num_threads(min(torch.get_num_threads(), 2))
    told("equations")
    detectors, dsc = detectors_equations.EQUATIONS, dsc_equations.EQUATIONS
    of_detectors, first = equations(detectors)
    of_dsc, second = equations(dsc)
    checked = [*first, *second]
    told("figures")
    drawn = [
        [heading(one.title) + figure_of(one.svg, one.caption) for one in some]
        for some in (figures_of_detectors(), figures_of_dsc())
    ]
    told("tables and readings")
    where = environment()
    exact = [one.title for one in (*detectors, *dsc) if one.tolerance == equation.TOLERANCE]
    apart = max(one.difference for one in checked if one.title in exact)
    facts = [
        Fact("Equations", str(len(checked)), "checked while this page was built"),
        Fact("Largest difference", f"{apart:.0e}", "to plain loops, where all is in float64"),
        Fact("Readings", str(len(readings.READINGS)), "switches and tests verified"),
        Fact("relook", where["relook"], f"torch {where['packages']['torch']}"),
    ]
    numbers = paragraph(
        "The sources at hand do not say which number an equation has in its paper: sections stand "
        "here instead."
    )
    sections = [
        Section(
            "DetectoRS: equations",
            [numbers, contents(e.title for e in detectors), *of_detectors],
        ),
        Section("DetectoRS: figures", drawn[0]),
        Section(
            "DetectoRS: tables",
            [
                tables.ablation("main", "DetectoRS, table 2: COCO val2017, R-50, 12 epochs"),
                tables.ablation("rfp", "DetectoRS, table 3: recursive feature pyramid"),
                tables.ablation("sac", "DetectoRS, table 3: switchable atrous convolution"),
                paragraph("relook: none of these rows was trained on COCO here."),
                *map(tables.printed, published.DETECTORS),
            ],
        ),
        Section("DSC: equations", [contents(e.title for e in dsc), *of_dsc]),
        Section("DSC: figures", drawn[1]),
        Section(
            "DSC: tables",
            [
                tables.ablation("dsc", "HTC, Fast DSC and DSC, COCO val2017, R-50"),
                tables.ablation("guidance", "Components of Fast DSC, COCO val2017, R-50"),
                paragraph("relook: none of these rows was trained on COCO here."),
                *map(tables.printed, published.DSC),
                tables.study_of_dsc(),
            ],
        ),
        Section("Time", [tables.printed(published.TIMES), tables.runtime()]),
        Section(
            "Readings and disagreements",
            [contents(r.question for r in readings.READINGS), *readings_of(readings.READINGS)],
        ),
        Section("All checks", [equation.summary(checked)]),
    ]
    return page("The papers, executed", _LEAD, facts, sections, STYLE)


def main(given: Sequence[str]) -> int:
    """Build the page and say where it is; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m paper.build", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=PLACE)
    arguments = parser.parse_args(given)
    started = time.perf_counter()
    try:
        content = build(lambda part: print(part, file=sys.stderr, flush=True))
        write_text(arguments.out, content)
    except (Disagreement, LookupError, Unfounded, RelookError) as error:
        print(f"no page was written: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.out} ({time.perf_counter() - started:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
