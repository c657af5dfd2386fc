"""Model files by a name or a path, which are found and not opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from relook.errors import ModelError, UsageError
from relook.model_files import find_model, name_of
from relook.weights.shipped import SHIPPED


@pytest.mark.parametrize("name", ["nuclie", "detector-htc-r50", "detectors-htc-r50"])
def test_names_that_are_no_model_come_with_those_that_are(name: str) -> None:
    with pytest.raises((UsageError, ModelError)) as caught:
        find_model(name)
    assert f"Trained models that come with relook: {', '.join(SHIPPED)}." in str(caught.value)


def test_a_run_without_a_model_yet(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"M01.*no run folder"):
        find_model(tmp_path)
    (tmp_path / "last.ckpt").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"M01.*relook train --resume"):
        find_model(tmp_path)
    with pytest.raises(ModelError, match=r"M02.*relook train --resume"):
        find_model(tmp_path / "last.ckpt")


def test_a_model_is_called_by_its_run_or_its_file() -> None:
    assert name_of(Path("runs/nuts/best.safetensors")) == "nuts"
    assert name_of(Path("models/nuclei.safetensors")) == "nuclei"
