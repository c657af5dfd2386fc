"""A model as one page, as a configuration file, and as Python."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import yaml

from ...config.base import Config
from ...config.model import ModelConfig
from ...config.presets import PRESETS, preset
from ...errors import ModelError
from ...structures.object_sizes import ObjectSizes
from ..counts import Counts, stored_counts
from .differences import additions, changes, leaves, nearest, plain, relative
from .python_text import changed_preset, constructed
from .words import in_words, longest

WIDTH: Final = 100  # columns of the page


@dataclass(frozen=True, slots=True)
class Description:
    """Description of a model; `str` gives one page about all of its parts."""

    name: str
    config: ModelConfig
    base: str  # the preset that its files start from
    sizes: ObjectSizes | None = None  # of the objects that it was trained on

    def yaml(self, *, full: bool = False) -> str:
        """A file for ``relook train --config``: the preset, and the fields that differ from it.

        With `full` every field is written out. The preset is kept, because it chooses the recipe.
        """
        changed = changes(PRESETS[self.base].config, self.config)
        model = self.config.model_dump(mode="json") if full else plain(changed)
        tree = {"model": {"preset": self.base, **model}}
        text = yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, width=WIDTH)
        return f"# relook train --config FILE --train-json ... --images ...\n{text}"

    def python(self, *, full: bool = False) -> str:
        """Python that makes the configuration, as ``config``, from the preset.

        With `full` it is made by constructors alone.
        """
        if full:
            return constructed(self.config)
        return changed_preset(self.base, changes(PRESETS[self.base].config, self.config))

    def __str__(self) -> str:
        words = in_words(self.config)
        indent = longest(words) + 2
        lines = [self.name, *self._heritage(), ""]
        for part, sentences in words:
            for i, sentence in enumerate(sentences):
                lines += textwrap.wrap(
                    sentence,
                    WIDTH,
                    initial_indent=("" if i else part).ljust(indent),
                    subsequent_indent=" " * (indent + 2),
                    break_on_hyphens=False,
                )
        objects = [] if self.sizes is None else textwrap.wrap(f"{self.sizes.line()}.", WIDTH)
        return "\n".join([*lines, *([""] if objects else []), *objects, "", *_sizes(self.config)])

    def _heritage(self) -> Iterator[str]:
        """Describe the model by its differences from the preset that is nearest to it."""
        if self.name in PRESETS and PRESETS[self.name].config == self.config:
            yield PRESETS[self.name].about
            base = relative(self.name)
        else:
            base = self.base
        if base is None:
            return
        changed = changes(PRESETS[base].config, self.config)
        added = additions(PRESETS[base].config, self.config)
        yield f"= {' + '.join([base, *added])}{', with' if changed else ''}"
        for path, value in leaves(changed):
            old = reduce(getattr, path, PRESETS[base].config)
            yield f"    {'.'.join(path)}: {_shown(old)} -> {_shown(value)}"


def describe(
    model: ModelConfig | str,
    name: str = "a model",
    base: str | None = None,
    sizes: ObjectSizes | None = None,
) -> Description:
    """Describe a configuration, or the preset called `model`.

    `print` it for the page. `name` is the name of the configuration on the page. `base` is the
    preset that it is compared with; by default the one with the fewest differences. `sizes` are
    those of the objects that it was trained on.

    Raises:
        UsageError: U01 for the name of no preset.
    """
    if isinstance(model, str):
        return Description(model, preset(model), model)
    if base is not None:
        preset(base)
    return Description(name, model, nearest(model) if base is None else base, sizes)


def _sizes(config: ModelConfig) -> list[str]:
    """Parameters and multiply-adds by part; a reason where they cannot be counted."""
    try:
        counts = stored_counts(config) or _counted(config)
    except ModelError as error:
        return [f"Parameters are not counted: {error.message}"]
    parameters, work_of = counts["parameters"], counts["multiply_adds"]
    rows = [(part, count, work_of[part]) for part, count in parameters.items()]
    rows.append(("total", sum(parameters.values()), sum(work_of.values())))
    width = max(len(part) for part, *_ in rows) + 1
    return [
        f"{'':{width}}{'parameters':>14}{'G multiply-adds':>18}",
        *(f"{part:{width}}{count:>14,}{work / 1e9:>18.1f}" for part, count, work in rows),
        "of one image of 800x1344 pixels with 1000 proposals and 100 masks",
    ]


def _counted(config: ModelConfig) -> Counts:
    from ..complexity import complexity

    size = complexity(config)
    return {"parameters": size.parameters, "multiply_adds": size.multiply_adds}


def _shown(value: Any) -> str:
    """Return the value in one line, as in a YAML file."""
    if isinstance(value, Config) and not plain(value):
        return "with its defaults"
    text = yaml.safe_dump(plain(value), default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
