"""The rules of the house that no single module can check: ARCHITECTURE.md says why they exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from relook.errors import CODES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "relook"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 320

# A source file needs a test file of its own unless it is listed here with the reason.
TESTED_ELSEWHERE = {
    "cli/program.py": "tests/cli/test_app.py and test_onnx_app.py, as the top of both programs",
    "cli/skeletons/cascade.py": "tests/cli/test_new_part.py, as they are written",
    "cli/skeletons/conv.py": "tests/cli/test_new_part.py, as they are written",
    "cli/skeletons/head.py": "tests/cli/test_new_part.py, as they are written",
    "cli/skeletons/neck.py": "tests/cli/test_new_part.py, as they are written",
    "__init__.py": "tests/test_public_names.py",
    "app/session/saved_images.py": "tests/app/session/test_corrections.py, with their file",
    "config/plugins.py": "tests/design/test_design.py, from outside of relook",
    "models/build/parts.py": "tests/design/test_design.py, from outside of relook",
    "cli/panoptic_options.py": "tests/cli/test_evaluate_panoptic.py, by both commands",
    "weights/__init__.py": "tests/weights/test_file.py, with what it gives",
    "ablation/job.py": "tests/ablation/test_running.py, with what runs it",
    "weights/header.py": "tests/weights/test_file.py, in whole files",
    "weights/opening.py": "tests/weights/test_file.py, in whole files",
    "evaluation/panoptic/model.py": "tests/cli/test_evaluate_panoptic.py, with its files",
    "models/build/cascade.py": "tests/models/build/test_build.py, switch by switch",
    "models/build/features.py": "tests/models/build/test_build.py, switch by switch",
    "models/cascades/protocol.py": "no code, only types",
    "cli/keeping.py": "tests/cli/test_evaluate.py, with the command",
    "cli/options.py": "declarations; the commands that share them are tested",
    "data/images/arrays.py": "tests/data/images/test_opening.py, by what is opened",
    "data/images/coded.py": "tests/data/images/test_opening.py, by what is opened",
    "data/coco/categories.py": "tests/data/coco/test_leniency.py, in whole files",
    "data/coco/category.py": "no code, only a record",
    "data/coco/ledger.py": "tests/data/coco/test_annotations.py, with what it counts",
    "data/coco/polygon_checks.py": "tests/data/coco/test_plain_rows.py, row by row",
    "data/coco/refusals.py": "tests/data/checks/test_registry.py, in whole files",
    "data/coco/required_images.py": "tests/data/coco/test_leniency.py, in whole files",
    "data/checks/boxes.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/checks/classes.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/checks/corrections.py": "tests/data/checks/test_registry.py, what each check can repair",
    "data/coco/plain_boxes.py": "tests/data/coco/test_annotations.py, in whole annotations",
    "data/checks/files.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/checks/finding.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/checks/masks.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/checks/objects.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/checks/places.py": "tests/cli/test_data_check.py, by files and folders",
    "data/checks/repair.py": "tests/data/checks/test_registry.py, what each check can repair",
    "data/checks/subject.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/checks/tables.py": "tests/data/checks/test_registry.py, a case of each check",
    "data/images/exif.py": "tests/data/images/test_opening.py, by what is opened",
    "data/images/files.py": "tests/data/images/test_opening.py, by what is opened",
    "data/images/info.py": "tests/data/images/test_opening.py, by what is opened",
    "data/images/limits.py": "tests/data/images/test_tiff_pages.py, and test_opening.py beside it",
    "data/images/opened.py": "tests/data/images/test_opening.py, by what is opened",
    "data/images/channels.py": "tests/data/images/test_tiff_choice.py, with pages and planes",
    "config/cascades.py": "tests/config/test_model.py, with the rest of the model",
    "interop/backbone_fill.py": "tests/training/start/test_source.py, in every look",
    "inference/words.py": "tests/inference/test_predictor.py, as what a predictor looks like",
    "app/session/bodies.py": "tests/app/session/test_routes.py, by what is sent",
    "layers/aspp.py": "tests/layers/test_blocks.py",
    "layers/deformable.py": "tests/layers/test_blocks.py",
    "layers/initialise.py": "tests/layers/test_blocks.py",
    "layers/module_list.py": "no code at run time, only types",
    "napari/fields.py": "tests/napari/test_widget.py, with the widget",
    "layers/norm.py": "tests/layers/test_blocks.py",
}


def _name(source: Path) -> str:
    return source.relative_to(PACKAGE).as_posix()


def _tracked_files() -> list[Path]:
    """Files that git knows or would add; everything below the root where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    names = listing.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_imports_only_point_down() -> None:
    command = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_nobody_inside_uses_the_front_door() -> None:
    """The layers contract ignores the imports of `relook/__init__.py`: no layer may use them."""
    through = []
    for source in SOURCES:
        depth = len(source.relative_to(PACKAGE).parts)
        for node in ast.walk(ast.parse(source.read_text())):
            if not isinstance(node, ast.ImportFrom):
                continue
            relative = node.level == depth and node.module is None
            if relative or (node.level == 0 and node.module == "relook"):
                through += [
                    f"{_name(source)}: {alias.name}"
                    for alias in node.names
                    if not (PACKAGE / alias.name).exists()
                    and not (PACKAGE / f"{alias.name}.py").exists()
                    and alias.name != "__version__"
                ]
    assert not through


@pytest.mark.parametrize(
    "statement",
    ["import relook", "import relook.cli.app", "import relook.config.presets, relook.errors"],
)
def test_starting_is_light(statement: str) -> None:
    heavy = ("torch", "torchvision", "lightning", "cv2", "pycocotools", "numpy")
    program = f"import sys; {statement}; print([m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def _has_code(source: Path) -> bool:
    """Whether the file defines anything (an `__init__` that only re-exports does not)."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in ast.parse(source.read_text()).body)


def _test_files_of(source: Path) -> Iterator[Path]:
    folder, stem = source.relative_to(PACKAGE).parent, source.stem
    if stem == "__init__":
        yield ROOT / "tests" / folder / f"test_{folder.name}.py"
        folder, stem = folder.parent, folder.name
    yield ROOT / "tests" / folder / f"test_{stem}.py"
    if folder.name:
        yield ROOT / "tests" / folder / f"test_{folder.name}_{stem}.py"


def test_every_source_file_has_a_test_file() -> None:
    untested = [
        _name(source)
        for source in SOURCES
        if _has_code(source)
        and _name(source) not in TESTED_ELSEWHERE
        and not any(path.is_file() for path in _test_files_of(source))
    ]
    assert not untested, "each needs a test file, or a line in TESTED_ELSEWHERE with the reason"


def test_the_list_of_exceptions_is_current() -> None:
    gone = [name for name in TESTED_ELSEWHERE if not (PACKAGE / name).is_file()]
    needless = [
        name
        for name in TESTED_ELSEWHERE
        if any(path.is_file() for path in _test_files_of(PACKAGE / name))
    ]
    assert not gone
    assert not needless


def test_files_stay_readable() -> None:
    lengths = {_name(source): len(source.read_text().splitlines()) for source in SOURCES}
    assert not {name: n for name, n in lengths.items() if n > LONGEST_FILE}


def test_every_package_says_what_it_is() -> None:
    folders = {source.parent for source in SOURCES}
    assert not [_name(folder) for folder in folders if not (folder / "__init__.py").is_file()]
    silent = [_name(s) for s in SOURCES if not ast.get_docstring(ast.parse(s.read_text()))]
    assert not silent


def test_no_drawer_for_odds_and_ends() -> None:
    vague = {"utils", "util", "common", "helpers", "misc"}
    assert not [_name(source) for source in SOURCES if vague & {source.stem, source.parent.name}]


def _strings(source: Path) -> set[str]:
    nodes = ast.walk(ast.parse(source.read_text()))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def test_error_codes_are_listed_and_used() -> None:
    pattern = re.compile(r"[RUDME]\d\d")
    used = {
        text
        for source in SOURCES
        if source.name != "errors.py"
        for text in _strings(source)
        if pattern.fullmatch(text)
    }
    assert sorted(set(CODES) - used) == [], "codes that nothing raises"
    assert sorted(used - set(CODES)) == [], "codes that are not in errors.CODES"


def test_no_network_host_or_machine_path_in_any_file() -> None:
    # Written in pieces, so that this file does not contain what it looks for.
    hosts = ["py" + r"pi\.org", "python" + r"hosted\.org", "download" + r"\.pytorch\.org/whl"]
    paths = [rf"(?<![\w.~}}-])/{top}/[\w.]" for top in ("work", "root", "home")]
    forbidden = re.compile("|".join([*hosts, *paths, "-" + "-extra-index-url"]))
    found = []
    for path in _tracked_files():
        content = path.read_bytes()
        if b"\0" in content[:4096]:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            if match := forbidden.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert not found


def test_constraints_are_plain_exact_versions() -> None:
    files = sorted(ROOT.glob("constraints*.txt"))
    assert len(files) == 2
    for path in files:
        lines = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
        assert not [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)]


def test_run_time_dependencies_are_constrained() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[<>=!\[; ]", line)[0].lower() for line in required}
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert names <= pinned
