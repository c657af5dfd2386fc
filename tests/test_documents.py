"""What the documents say is what the code does: tables are current, examples run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
import typer.main
import yaml
from PIL import Image
from typer.core import TyperGroup

import relook
from relook.cli.app import app
from relook.config.presets import PRESETS
from relook.data.coco.reader import Category
from relook.structures.panoptic import PanopticCategory
from relook.weights.shipped import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.rglob("*.md"), key=lambda path: path.relative_to(DOCS).as_posix()),
]
# Pages of docs/ whose Python is not run here, and why.
NOT_RUN = {
    "labels.md": "tests/test_labels_page.py runs it",
    "parts.md": "tests/design/test_page.py runs it, or compares it with code that is tested",
    "serving.md": "tests/test_serving_page.py runs it",
    "video.md": "tests/test_video_page.py runs it",
    "weights.md": "it fetches published files",
    "reference.md": "signatures",
    "settings.md": "fields",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _blocks(language: str, document: Path) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def _examples() -> Iterator[Any]:
    for document in DOCUMENTS:
        if document.parent == ROOT or document.name not in NOT_RUN:
            for number, block in enumerate(_blocks("python", document), 1):
                yield pytest.param(block, id=f"{_name(document)}-{number}")


def _commands() -> Iterator[Any]:
    for document in DOCUMENTS:
        lines = [
            line.strip().partition("  #")[0]
            for block in _blocks("sh", document)
            for line in block.replace("\\\n", " ").splitlines()
        ]
        for line in dict.fromkeys(line for line in lines if line.startswith("relook ")):
            yield pytest.param(line, id=f"{_name(document)}-{line[:40]}")


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the examples speak of: images, data sets, and the model of a run."""
    for name in ("image.png", "a.png", "b.png", "photo.jpg"):
        Image.effect_noise((96, 64), 60).convert("RGB").save(tmp_path / name)
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(somewhere: Path) -> Path:
    """The folder of a training on panoptic data, whose model knows nothing."""
    config = relook.preset("detectors-panoptic-tiny").with_(num_classes=1, stuff__num_classes=2)
    folder = somewhere / "runs" / "NAME"
    folder.mkdir(parents=True)
    relook.save_model(
        folder / "best.safetensors",
        relook.build(config),
        config,
        [Category(1, "thing")],
        stuff=[PanopticCategory(2, "ground", is_thing=False)],
    )
    return folder


@pytest.mark.parametrize("block", list(_examples()))
def test_python_examples_run(block: str, somewhere: Path, run: Path) -> None:
    exec(compile(block, "example", "exec"), {"__name__": "__main__"})
    if "drawn.png" in block:
        with Image.open(somewhere / "drawn.png") as picture:
            assert picture.size[0] >= 96


@pytest.mark.parametrize("line", list(_commands()))
def test_command_examples_name_real_options(line: str) -> None:
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        command = command.commands[words.pop(0)]
    known = {option for p in command.params for option in [*p.opts, *p.secondary_opts]}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 8192


def test_every_page_is_in_the_navigation_once() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]
    pages = [path.relative_to(DOCS).as_posix() for path in DOCUMENTS if DOCS in path.parents]
    assert sorted(_pages(site["nav"])) == pages


def _pages(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    return [
        page
        for one in (entry.values() if isinstance(entry, dict) else entry)
        for page in _pages(one)
    ]


def test_every_trained_model_is_listed_with_the_numbers_of_its_card() -> None:
    for document in ("README.md", "docs/models.md"):
        rows = re.findall(
            r"^\| \[`(\w+)`\]\(.*?\) \|.*\| ([\d.]+) \| ([\d.]+) \| (\d+) \w+ \|$",
            (ROOT / document).read_text(),
            re.MULTILINE,
        )
        assert {name for name, *_ in rows} == set(SHIPPED)
        for name, ap, ap50, images in rows:
            card = (DOCS / "cards" / f"{name}.md").read_text()
            assert re.search(rf"^\| AP \| [\d.]+ \| {ap} \|$", card, re.MULTILINE), name
            assert re.search(rf"^\| AP50 \| [\d.]+ \| {ap50} \|$", card, re.MULTILINE), name
            assert f"On the {images} validation images" in card


def test_generated_parts_are_current() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_documents.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_models_lists_exactly_the_presets() -> None:
    text = (DOCS / "models.md").read_text()
    table = text.split("<!-- models-table -->")[1].split("<!-- /models-table -->")[0]
    assert re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE) == list(PRESETS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"<img src=\"([^\"]+)\"", text)
    local = [target.partition("#") for target in targets if not urlparse(target).scheme]
    for path, _, place in local:
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), path
        if DOCS in document.parents:
            assert DOCS in there.parents, f"{path}: not in the site"
        if place:
            assert place in _places(there.read_text()), f"{path}#{place}"


def _places(text: str) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", one).strip().lower().replace(" ", "-") for one in headings}


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
