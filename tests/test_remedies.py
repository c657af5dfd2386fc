"""Every option and every command that a message names exists where the message can appear."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from relook.cli.app import app
from relook.config.presets import PRESETS
from relook.data.checks.registry import ALL

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "relook"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?!\S*\.\.\.)")
COMMAND = re.compile(r"`relook ([^`]*)`")

# Options of other programs, and parts of a longer text.
OF_OTHERS = {
    "--ntasks-per-node": "srun",
    "--logdir": "tensorboard",
    "--backend-store-uri": "mlflow",
    "--version": "before the command",
    "--debug": "before the command",
    "--is-ancestor": "git",
}
READS_COCO = (
    "train",
    "eval",
    "ablate",
    "data check",
    "data compose",
    "data split",
    "data stats",
    "weights sizes",
)

# Where messages of a room can appear; without a line, in any command.
ROOMS: dict[str, tuple[str, ...]] = {
    "training": ("train", "ablate"),
    "ablation": ("ablate",),
    "evaluation": ("eval", "compare", "data check-submission", "train"),
    "inference": ("predict", "eval", "compare", "explain"),
    "interop": ("weights", "train", "predict", "eval", "ablate"),
    "analysis": ("compare", "explain", "show"),
}


@cache
def commands() -> dict[str, frozenset[str]]:
    """Names of all commands, with their options."""

    def walk(command: Any, path: str) -> Iterator[tuple[str, frozenset[str]]]:
        if hasattr(command, "commands"):
            for name, inner in command.commands.items():
                yield from walk(inner, f"{path} {name}".strip())
        names = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        yield path, frozenset(names)

    return dict(walk(typer.main.get_command(app), ""))


def texts(node: ast.AST) -> str:
    """All the text in an expression; a gap where a value is filled in."""
    parts = []
    for inner in ast.walk(node):
        if isinstance(inner, ast.JoinedStr):
            pieces = [
                piece.value if isinstance(piece, ast.Constant) else "X" for piece in inner.values
            ]
            parts.append("".join(str(piece) for piece in pieces))
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            parts.append(inner.value)
    return "\n".join(parts)


@cache
def messages() -> tuple[tuple[str, str], ...]:
    """(place, text) of all messages."""
    return tuple(_messages())


def _messages() -> Iterator[tuple[str, str]]:
    """(place, text) of all that is raised, and of the strings of rooms that make messages."""
    for source in sorted(PACKAGE.rglob("*.py")):
        name = source.relative_to(PACKAGE).as_posix()
        tree = ast.parse(source.read_text())
        whole = name.startswith(("data/coco/", "data/checks/", "data/sources/", "data/images/"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and node.exc is not None:
                yield f"{name}:{node.lineno}", texts(node.exc)
            elif whole and isinstance(node, ast.Return | ast.Assign | ast.Yield) and node.value:
                yield f"{name}:{node.lineno}", texts(node.value)
    for found in ALL:
        yield f"data/checks: {found.code}", found.remedy


def exists(option: str, place: str) -> bool:
    """Return whether an option exists in a command where messages of `place` can appear."""
    room = place.partition("/")[0]
    if place.startswith("cli/"):
        return any(option in options for options in commands().values())
    allowed = ROOMS.get(room)
    return any(
        option in options
        for name, options in commands().items()
        if allowed is None or name.startswith(allowed)
    )


def test_options_that_messages_name_exist() -> None:
    named = [
        (place, option)
        for place, text in messages()
        for option in OPTION.findall(COMMAND.sub("", text))
        if option not in OF_OTHERS
    ]
    assert len(named) > 40
    assert [(place, option) for place, option in named if not exists(option, place)] == []


def test_commands_that_messages_name_exist_with_their_options() -> None:
    wrong = []
    named = 0
    for place, text in messages():
        for call in COMMAND.findall(text):
            words = call.split()
            known = [name for name in commands() if name and call.startswith(name)]
            name = max(known, key=len, default="")
            named += 1
            options = [word for word in words if word.startswith("--")]
            if not name or not commands()[name].issuperset(options):
                wrong.append((place, call))
    assert named > 10
    assert wrong == []


@pytest.mark.parametrize("option", ["--ignore-unknown", "--match", "--boxes", "--crowd"])
def test_what_annotation_files_allow_is_an_option_wherever_they_are_read(option: str) -> None:
    assert [name for name in READS_COCO if option not in commands()[name]] == []


def test_models_that_messages_name_exist() -> None:
    named = {
        name
        for _, text in messages()
        for name in re.findall(r"\bdetectors-[a-z0-9-]+[a-z0-9]", text)
    }
    assert named <= set(PRESETS)
    assert "detectors-cascade-r50" in named
