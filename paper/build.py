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

from relook.errors import RelookError
from relook.runtime.files import write_text
from relook.training.run_folder import environment
from relook.visualization.page import Fact, Section, page, paragraph

from . import (
    crowd_figure,
    detectors_equations,
    dsc_equations,
    equation,
    guesses,
    published,
    reading,
    readings,
    sliders,
    story_detectors,
    story_dsc,
    story_ends,
    tables,
)
from .contents import contents
from .equation import Checked, Disagreement, Equation
from .parts import Parts
from .reading import Reading, Unfounded

PLACE = Path("build/paper.html")
STYLE = """
header,nav,main,footer{max-width:80rem}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));
gap:.4rem 1.4rem;align-items:start;margin-bottom:1.6rem}.beside>*{min-width:0}
.beside pre{font-size:.75rem}
@media(min-width:64rem){.beside{grid-template-columns:5fr 8fr}}
math{font-size:1.15rem;font-family:"Cambria Math","STIX Two Math","Latin Modern Math",
"Noto Sans Math","DejaVu Math TeX Gyre",math,serif}
@media(max-width:30rem){math{font-size:1.03rem}}mtd{text-align:left;padding:.1em 0}
.formula{padding:.1rem 0 .5rem;margin:0;overflow-y:hidden}
.place{font-size:.82rem;color:var(--soft);margin:.5rem 0 .2rem}
.checked{color:var(--s2);font-size:.9rem}.contents{columns:18rem;padding-left:1.2rem;margin:.6rem 0}
dl.reading{display:block;margin:.4rem 0 1.8rem}dl.reading dt{margin-top:.5rem}
dl.reading div{background:none;border:0;padding:0}
dl.reading dd{font-size:1rem;line-height:1.5}code{font-size:.85rem;overflow-wrap:anywhere}
.switch{background:var(--card);
border:1px solid var(--line);border-radius:.3rem;padding:.15rem .4rem}
figure{margin-bottom:1.4rem}svg.sketch{max-width:28rem}figcaption{max-width:46rem}
.swatch{height:.6rem;outline:1px solid var(--soft)}th,td{padding:.28rem .55rem}
@media(max-width:30rem){td.text{min-width:7rem}th,td{padding:.28rem .4rem}}
caption{position:sticky;left:0;max-width:calc(100vw - 2rem)}
.panels{display:grid;gap:.5rem;align-items:start;max-width:60rem;
grid-template-columns:repeat(auto-fill,minmax(min(100%,10rem),1fr))}.panels figure{margin:0}
h3{scroll-margin-top:1rem}
"""
_LEAD = (
    "DetectoRS (arXiv 2006.02334) and DSC (arXiv 1911.11263), told from the beginning: each "
    "equation beside the lines of relook that are it, each figure compared with the model that "
    "runs, each published number with its source, and the places where the sources disagree."
)


def equations(which: Sequence[Equation]) -> tuple[list[str], list[Checked]]:
    """HTML of equations, and what their checks said.

    Raises:
        Disagreement: when a check fails.
        LookupError: when the lines of one are gone.
    """
    checked = [equation.run(one) for one in which]
    return [equation.shown(*pair) for pair in zip(which, checked, strict=True)], checked


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
    told("figures and photographs")
    titles = [one.title for one in (*detectors, *dsc)]
    parts = Parts(dict(zip(titles, [*of_detectors, *of_dsc], strict=True)))
    story = [
        story_detectors.why(),
        story_detectors.before(parts),
        story_detectors.recursive(parts),
        story_detectors.switchable(parts),
        story_detectors.results(),
        story_dsc.cascade(parts),
        story_dsc.results(),
        story_ends.holds(),
    ]
    parts.finish()
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
        "in the text instead."
    )
    sections = [
        *story,
        Section("Time", [tables.printed(published.TIMES), tables.runtime()]),
        Section(
            "Readings and disagreements",
            [
                contents(r.question for r in readings.READINGS),
                *readings_of(readings.READINGS),
                guesses.shown(),
            ],
        ),
        story_ends.words(),
        story_ends.further(),
        Section(
            "All equations",
            [numbers, contents(titles), equation.summary(checked), sliders.SCRIPT],
        ),
    ]
    return page("Looking twice", _LEAD, facts, sections, STYLE + sliders.STYLE + crowd_figure.STYLE)


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
