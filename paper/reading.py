"""What a disagreement between sources is on the page, and what is verified about it."""

from __future__ import annotations

import ast
import html
import shlex
from dataclasses import dataclass

import torch

from relook.config.base import overlay
from relook.config.model import ModelConfig
from relook.config.plugins import allowing
from relook.config.presets import preset
from relook.models.build import build_detector
from relook.training.settings import parse_assignments
from relook.visualization.page import paragraph

from .contents import heading
from .source import ROOT


@dataclass(frozen=True, slots=True)
class Switch:
    """Options that turn a preset to another reading."""

    preset: str
    options: tuple[str, ...]  # as --set takes them
    allow: str | None = None  # a package whose parts are used

    def config(self) -> ModelConfig:
        """The model of the other reading, from the same text that a user would give.

        Raises:
            UsageError: U02 or U03 for an option that is none.
        """
        return overlay(preset(self.preset), parse_assignments(self.options).model)

    def told(self) -> str:
        """As it is typed in a shell."""
        words = [f"--model {self.preset}"]
        words += [f"--allow {self.allow}"] if self.allow else []
        return " ".join([*words, *(f"--set {shlex.quote(option)}" for option in self.options)])


@dataclass(frozen=True, slots=True)
class Reading:
    """One question that the sources answer differently."""

    question: str
    sources: str  # what they say
    ours: str  # what relook does by default, and why
    switch: Switch
    tests: tuple[str, ...]  # "file::name"
    note: str = ""  # what the options mean, where they do not say so themselves


class Unfounded(Exception):
    """A reading names a switch that changes nothing, or a test that is not there."""


def verify(reading: Reading) -> None:
    """Build the other model without its numbers, and find the tests.

    Raises:
        Unfounded: when the switch leaves the model as it was, or a test is not in its file.
    """
    switch = reading.switch
    config = switch.config()
    if config == preset(switch.preset):
        raise Unfounded(f"{reading.question}: {switch.told()} changes nothing")
    with torch.device("meta"), allowing([switch.allow] if switch.allow else []):
        build_detector(config)
    if not reading.tests:
        raise Unfounded(f"{reading.question}: no test is named")
    for test in reading.tests:
        path, _, name = test.partition("::")
        if name not in named_tests(path):
            raise Unfounded(f"{reading.question}: there is no test {test}")


def named_tests(path: str) -> set[str]:
    """Names of the test functions in a file of the repository; none if there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return set()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {n.name for n in nodes if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}


def shown(reading: Reading) -> str:
    """HTML of a reading."""
    switch = f'<p><code class="switch">{html.escape(reading.switch.told())}</code></p>'
    tests = ", ".join(f"<code>{html.escape(test)}</code>" for test in reading.tests)
    parts = (
        ("The sources", paragraph(reading.sources)),
        ("relook", paragraph(reading.ours)),
        ("The other reading", switch + (paragraph(reading.note) if reading.note else "")),
        ("Held by", f"<p>{tests}</p>"),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{content}</dd>" for name, content in parts)
    return f'{heading(reading.question)}<dl class="reading">{rows}</dl>'
