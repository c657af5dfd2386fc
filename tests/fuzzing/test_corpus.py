"""Every input that was once answered wrongly is answered rightly; and a few new ones."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from relook.errors import RelookError

from .campaign import CORPUS, mutated
from .outcome import bounded, outcome, timed
from .readers import READERS, Reader, beside

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("beside")
    beside(home)
    return home


def test_every_folder_of_the_corpus_belongs_to_a_reader() -> None:
    assert {path.parent.name for path in FILES} <= set(READERS)


@pytest.mark.parametrize("name", sorted({path.parent.name for path in FILES}))
def test_finds_stay_mended(name: str, folder: Path) -> None:
    reader, problems = READERS[name], {}
    with bounded():
        for file in (path for path in FILES if path.parent.name == name):
            path = folder / f"input{reader.suffix}"
            path.write_bytes(file.read_bytes())
            found = timed(reader, path, folder)
            if found is not None:
                problems[file.name] = found
    assert not problems


@pytest.mark.parametrize("name", READERS)
def test_well_formed_inputs_are_read_and_a_few_others_refused(name: str, folder: Path) -> None:
    reader, chance = READERS[name], random.Random(name)
    inputs = list(reader.seeds())
    if not inputs:
        pytest.skip("a package that makes its inputs is not installed")
    path = folder / f"input{reader.suffix}"
    with bounded():
        for data in [*inputs, *(mutated(reader, chance.choice(inputs), chance) for _ in range(4))]:
            path.write_bytes(data)
            assert timed(reader, path, folder) is None


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("raise KeyError(1)", "KeyError"),
        ("raise RelookError", "message"),
        ("[0] * 10**10", "MemoryError"),
        ("import os; os.system('true')", "code"),
    ],
)
def test_what_must_not_happen_is_seen(action: str, kind: str, folder: Path) -> None:
    class Long(RelookError):
        def __init__(self) -> None:
            super().__init__("R01", "x")
            self.message = "x" * 9000

    reader = Reader("", lambda: (), (), lambda *_: exec(action, {"RelookError": Long}))
    with bounded():
        found = outcome(reader, folder, folder)
    assert found is not None and found.kind == kind
