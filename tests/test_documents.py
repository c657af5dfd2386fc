"""What the documents say is what the code does: tables are current, examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import pytest
import typer.main
import yaml
from PIL import Image
from typer.core import TyperGroup

import relook
from relook.cli.app import app
from relook.config.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def _blocks(language: str, document: str = "README.md") -> list[str]:
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def _commands() -> list[str]:
    blocks = _blocks("sh") + _blocks("sh", "docs/weights.md")
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("relook ")]


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the image that the examples speak of."""
    Image.effect_noise((96, 64), 60).convert("RGB").save(tmp_path / "image.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", _blocks("python"), ids=lambda b: b.split("\n")[2][:30])
def test_python_examples_run(block: str, somewhere: Path) -> None:
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    if "drawn.png" in block:
        with Image.open(somewhere / "drawn.png") as picture:
            assert picture.size[0] >= 96


@pytest.mark.parametrize("line", _commands())
def test_command_examples_name_real_options(line: str) -> None:
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        command = command.commands[words.pop(0)]
    known = {option for p in command.params for option in [*p.opts, *p.secondary_opts]}
    assert {word for word in words if word.startswith("--")} <= known


def test_every_command_is_in_the_readme() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    text = (ROOT / "README.md").read_text()
    hidden = {name for name, command in group.commands.items() if command.hidden}
    unnamed = [n for n in set(group.commands) - hidden if f"relook {n}" not in text]
    assert not unnamed


def test_generated_parts_are_current() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_documents.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_readme_lists_exactly_the_presets() -> None:
    text = (ROOT / "README.md").read_text()
    table = text.split("<!-- models-table -->")[1].split("<!-- /models-table -->")[0]
    assert re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE) == list(PRESETS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
    local = [target for target in targets if not urlparse(target).scheme]
    assert not [target for target in local if not (document.parent / target).exists()]


def test_paths_in_the_architecture_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = re.findall(r"`((?:[\w-]+/)*[\w-]+(?:\.py|/))`", text)
    starts = (ROOT, ROOT / "src" / "relook")
    assert named
    assert not [name for name in named if not any((start / name).exists() for start in starts)]


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == relook.__version__
    assert f"[{relook.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_citation_has_what_the_format_requires() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        assert reference["authors"]
