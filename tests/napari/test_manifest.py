"""The manifest is in the package, and what it names is there; `make napari` asks npe2 itself."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"


def manifest() -> Any:
    return yaml.safe_load((SOURCE / "relook" / "napari" / "napari.yaml").read_text())


def test_the_entry_point_names_the_manifest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    entry = project["project"]["entry-points"]["napari.manifest"]["relook"]
    package, _, name = entry.partition(":")
    path = SOURCE.joinpath(*package.split("."), name)
    assert path.is_file()
    packaged = project["tool"]["setuptools"]["package-data"]["relook"]
    assert path.relative_to(SOURCE / "relook").as_posix() in packaged
    assert manifest()["name"] == project["project"]["name"]


def test_what_commands_name_is_there() -> None:
    contributions = manifest()["contributions"]
    commands = {command["id"]: command["python_name"] for command in contributions["commands"]}
    for name in commands.values():
        module, _, thing = name.partition(":")
        source = SOURCE.joinpath(*module.split(".")).with_suffix(".py")
        body = ast.parse(source.read_text()).body
        assert thing in {getattr(node, "name", None) for node in body}
    used = [one["command"] for kind in ("widgets", "writers") for one in contributions[kind]]
    assert sorted(used) == sorted(commands)
