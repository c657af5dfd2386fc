"""Configuration files with their bases: read, never executed."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from their_configs import write_tree

from relook.config.model import ModelConfig
from relook.errors import DataError, RelookError
from relook.interop.mmdet_config.mmdet_config import (
    MOST_FILES,
    MMDetConfig,
    carry_over,
    config_from_text,
    read_mmdet_config,
)
from relook.interop.mmdet_config.unreadable import Unreadable

from ...work import without_hopeless_work


def _write(folder: Path, **files: str) -> Path:
    """Files by name without its .py; the result is the first."""
    paths = [folder / f"{name}.py" for name in files]
    for path, text in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return paths[0]


def _read(folder: Path, **files: str) -> MMDetConfig:
    return read_mmdet_config(_write(folder, **files))


def test_bases_in_other_folders(tmp_path: Path) -> None:
    config = _read(
        tmp_path,
        **{
            "a/b/child": (
                "_base_ = ['../parent.py', '../../_base_/time.py']\nmodel = dict(depth=101)"
            )
        },
        **{
            "a/parent": "_base_ = '../_base_/model.py'\nmodel = dict(neck=dict(_delete_=True, x=1))"
        },
        **{"_base_/model": "model = dict(depth=50, neck=dict(type='FPN'), heads=[1, 2])"},
        **{"_base_/time": "epochs = 12"},
    )
    assert config.values == {
        "model": {"depth": 101, "neck": {"x": 1}, "heads": [1, 2]},
        "epochs": 12,
    }
    assert [path.name for path in config.files] == ["child.py", "parent.py", "model.py", "time.py"]
    assert config.notes == ()


def test_values_of_bases_can_be_used(tmp_path: Path) -> None:
    config = _read(
        tmp_path,
        child=(
            "_base_ = 'base.py'\npipeline = [dict(type='Load'), {{_base_.step}}]\n"
            "rate = _base_.rate / 2\nfolder = './runs/{{ fileBasenameNoExtension }}'\n"
            "_base_.step.size = 9\n"
        ),
        base="step = dict(type='Pad', size=32)\nrate = 0.02",
    )
    assert config.values["pipeline"][1]["type"] == "Pad"
    assert config.values["step"] == {"type": "Pad", "size": 9}
    assert (config.values["rate"], config.values["folder"]) == (0.01, "./runs/child")


def test_the_newer_way_to_inherit(tmp_path: Path) -> None:
    config = _read(
        tmp_path,
        **{
            "configs/child": (
                "from mmengine.config import read_base\nfrom mmdet.models import ResNet\n"
                "with read_base():\n    from .._base_.model import *\n"
                "    from ..rates import rate\n"
                "model.update(dict(backbone=dict(type=ResNet)))\n"
            )
        },
        **{"_base_/model": "model = dict(backbone=dict(type='X', depth=50))\n_private = 1"},
        rates="rate = 0.1\nother = 2",
    )
    assert config.values == {"model": {"backbone": {"type": "ResNet", "depth": 50}}, "rate": 0.1}
    assert len(config.files) == 3
    assert any("import of ResNet" in note for note in config.notes)


def test_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = '\xc3\xa9'\r\n")
    assert read_mmdet_config(path).values == {"a": 1, "b": "é"}


@pytest.mark.parametrize(
    ("base", "code"),
    [
        ("'gone.py'", "D01"),
        ("'../../../../../../../../../../gone.py'", "D01"),
        ("'/etc/hostname'", "D01"),
        ("'mmdet::_base_/models/x.py'", "D01"),
        ("'https://example.com/x.py'", "D01"),
        ("'folder'", "D01"),
        ("'a\\0b.py'", "D01"),
        ("'" + "a" * 5000 + ".py'", "D01"),
        ("'data.json'", "D14"),
        ("'./child.py'", "D14"),
        ("'loop.py'", "D14"),
        ("['x.py', 'same_keys.py']", "D14"),
        ("find()", "D14"),
        ("[1]", "D14"),
        ("None", "D14"),
    ],
)
def test_bases_that_are_refused(tmp_path: Path, base: str, code: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "data.json").write_text("{}")
    path = _write(
        tmp_path,
        child=f"_base_ = {base}",
        loop="_base_ = ['middle.py']",
        middle="_base_ = './loop.py'",
        x="a = 1",
        same_keys="a = 2",
    )
    with pytest.raises(DataError, match=code):
        read_mmdet_config(path)


@pytest.mark.parametrize(
    "line", ["from mmdet.configs.x import *", "from . import x", "from .gone import *"]
)
def test_modules_that_are_not_at_hand(tmp_path: Path, line: str) -> None:
    path = _write(tmp_path, child=f"with read_base():\n    {line}")
    with pytest.raises(DataError, match="D01"):
        read_mmdet_config(path)


def test_a_base_that_makes_a_child_of_itself(tmp_path: Path) -> None:
    path = _write(tmp_path, child="with read_base():\n    from .child import *")
    with pytest.raises(DataError, match=r"inherits from itself: child\.py -> child\.py"):
        read_mmdet_config(path)


def test_long_chains_are_refused(tmp_path: Path) -> None:
    for i in range(MOST_FILES + 1):
        _write(tmp_path, **{f"f{i}": f"_base_ = 'f{i + 1}.py'"})
    with pytest.raises(DataError, match="more than 50 files"):
        read_mmdet_config(tmp_path / "f0.py")


@pytest.mark.parametrize("content", [b"a = '\xff'", b"a = (", b"#" * ((1 << 20) + 1)])
def test_files_that_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(content)
    with pytest.raises(DataError, match="D14"):
        read_mmdet_config(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="D01"):
        read_mmdet_config(tmp_path / "gone.py")


HOSTILE = [
    "import os\nos.system('touch {0}')",
    "a = __import__('os').system('touch {0}')",
    "a = (lambda: open('{0}', 'w'))()",
    "a = [open('{0}', 'w') for _ in range(3)]",
    "def f(): open('{0}', 'w')\nf()",
    "class A:\n    open('{0}', 'w')",
    "a = f\"{{open('{0}', 'w')}}\"",
    "a = dict(b=open('{0}', 'w'), **eval(\"open('{0}', 'w')\"))",
    "@open('{0}', 'w')\ndef f(): pass",
    "exec(\"open('{0}', 'w')\")",
    "custom_imports = dict(imports=['{0}'])",
    "with read_base():\n    open('{0}', 'w')",
    "a = {{{{ open('{0}', 'w') }}}}",
    "a = ().__class__.__base__.__subclasses__()\nopen('{0}', 'w')",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_nothing_is_executed(tmp_path: Path, source: str) -> None:
    trace = tmp_path / "trace"
    config = _read(tmp_path, child=source.format(trace))
    carry_over(config.values, ModelConfig())
    assert not trace.exists()
    assert config.notes or "custom_imports" in config.values


@pytest.mark.parametrize(
    "source",
    [
        "a = 9 ** 9 ** 9",
        "a = 'x' * 10 ** 12",
        "a = [1] * 10 ** 12",
        "a = [0]\n" + "a = a + a\n" * 60,
        "a = 'xxxxxxxx'\n" + "a = a + a\n" * 60,
        "a = 3\n" + "a = a * a\n" * 60,
        "a0 = [0]\n" + "".join(f"a{i} = [a{i - 1}, a{i - 1}]\n" for i in range(1, 60)),
        "a0 = dict(x=1)\n"
        + "".join(f"a{i} = dict(x=a{i - 1}, y=a{i - 1})\n" for i in range(1, 60)),
        "a = {}\na['a'] = a",
        "a = dict()\na.update(a=a)\na.update(a)",
        "a = '%999999999999d' % 1",
        "a = f'{1:999999999999}'",
        "a = '" + "{{" * 100_000 + "'",
        "a = '" + "{{x}}" * 10_000 + "'",
        "a = " + "dict(a=" * 70 + "1" + ")" * 70,
        "a = " + "not " * 100_000 + "1",
        "a = " + "run(" * 150 + ")" * 150,
        "x.py\n" * 50_000,
    ],
)
def test_reading_is_bounded(source: str) -> None:
    with without_hopeless_work():
        try:
            size = len(repr(config_from_text(source).values))
        except DataError:
            size = 0
    assert size < 1_000_000


def test_text_of_a_checkpoint() -> None:
    config = config_from_text("model = dict(type='X')\ntotal_epochs = 12\n")
    assert config == MMDetConfig({"model": {"type": "X"}, "total_epochs": 12}, (), ())


def test_text_with_the_sources_of_all_bases() -> None:
    text = (
        "configs/_base_/model.py\nmodel = dict(a=1, b=dict(c=2))\n\n"
        "configs/child.py\n_base_ = '_base_/model.py'\nmodel = dict(b=dict(d=3))\nbad = run()\n"
    )
    config = config_from_text(text)
    assert config.values["model"] == {"a": 1, "b": {"c": 2, "d": 3}}
    assert config.values["bad"] == Unreadable(
        "run()", "the configuration in the checkpoint, line 7"
    )


def test_text_that_refers_to_files() -> None:
    with pytest.raises(DataError, match="D14"):
        config_from_text("_base_ = 'x.py'")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("ab %c'\"\\\n", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcdef", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=6), _VALUES, max_size=4))
@settings(deadline=None, max_examples=60)
def test_literal_configurations_come_back(values: dict[str, Any]) -> None:
    keywords = {"def", "as"}
    values = {key: value for key, value in values.items() if key not in keywords}
    text = "".join(f"{key} = {value!r}\n" for key, value in values.items())
    assert config_from_text(text).values == values


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Configurations with everything in them, as text without bases."""
    found = []
    for version in (2, 3):
        folder = write_tree(tmp_path_factory.mktemp(f"v{version}"), version)
        values = read_mmdet_config(folder / "detectors" / "detectors.py").values
        found.append("".join(f"{key} = {value!r}\n" for key, value in values.items()))
    return found


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_damaged_text_only_gives_our_errors(sources: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(sources))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        new = data.draw(
            st.sampled_from(["", "0", "-", "None", "[]", "'a'", "1e999", "**", "(", ","])
        )
        text = text[:at] + new + text[at + data.draw(st.integers(0, 3)) :]
    with contextlib.suppress(RelookError):
        carry_over(config_from_text(text).values, ModelConfig())


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_odd_values_only_give_our_errors(sources: list[str], data: st.DataObject) -> None:
    """Whatever stands in a place of the tree, carrying over ends in lists, not in a crash."""
    values = config_from_text(data.draw(st.sampled_from(sources))).values
    odd = data.draw(
        st.sampled_from(
            [
                None,
                True,
                -1,
                0,
                10**30,
                float("nan"),
                float("inf"),
                "",
                "x",
                [],
                [[]],
                {},
                {"type": 3},
                [None],
                [1, 2],
                [{}],
                {"x": {"type": "y"}},
                Unreadable("a call", "f.py, line 1"),
            ]
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        place: Any = values
        for _ in range(data.draw(st.integers(0, 5))):
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            inner = place[data.draw(st.sampled_from(keys))] if keys else None
            if not isinstance(inner, dict | list) or not inner:
                break
            place = inner
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        place[data.draw(st.sampled_from(keys))] = copy.deepcopy(odd)
    carried = carry_over(values, ModelConfig())
    assert isinstance(carried.config, ModelConfig)
