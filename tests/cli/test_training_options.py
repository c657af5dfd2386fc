"""Options that commands share: later ones win, and a rate is a number."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from relook import Reading, preset
from relook.cli.reading_options import reading_changes
from relook.cli.training_options import (
    data_options,
    given,
    log_names,
    overlays,
    rate,
    save_minutes,
)
from relook.data.images.spelled import parse_reading
from relook.errors import UsageError
from relook.training.settings import resolve


def test_images_are_where_nothing_else_is_said() -> None:
    a, b, c = Path("a"), Path("b"), Path("c")
    found = data_options(a, None, b, None, c)
    assert given(found) == {"train_json": a, "train_images": b, "val_images": c}


def test_files_options_and_assignments_come_in_order(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("model: htc-tiny\ntrain: {epochs: 7}\n")
    found = overlays(file, None, {"batch": 3, "lr": None}, {"val_json": None}, ["train.batch=4"])
    assert [one.train for one in found] == [{"epochs": 7}, {"batch": 3}, {"batch": 4}]
    assert found[0].preset == "htc-tiny" and found[1].data == {}
    assert len(overlays(None, None, {}, {}, [])) == 2


@pytest.mark.parametrize(
    ("text", "minutes"),
    [(None, None), ("5min", 5), ("30s", 0.5), ("1h", 60), ("2", 2), (" 1.5 min ", 1.5)],
)
def test_times_have_a_unit_or_are_minutes(text: str | None, minutes: float | None) -> None:
    assert save_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "0", "often", "-1min", "5 days", "nan"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="U03: --save-every"):
        save_minutes(text)


def test_a_rate_is_a_number_or_auto() -> None:
    assert (rate(None), rate("auto"), rate("1e-3")) == (None, "auto", 0.001)
    with pytest.raises(UsageError, match="U03: --lr: a number or auto, got 'fast'"):
        rate("fast")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({"intensities": "0:4095"}, Reading(intensities="bounds", bounds=((0, 4095),))),
        ({"intensities": "percentiles"}, Reading(intensities="percentiles")),
        ({"channels": "1,0", "z": "2"}, Reading(channels=(1, 0), z=2).explicit()),
        ({}, Reading().explicit()),
    ],
)
def test_a_reading_changes_that_of_the_model_it_starts_from(
    text: dict[str, str], expected: Reading
) -> None:
    base = preset("htc-tiny").with_(input__reading=asdict(Reading().explicit()))
    data = {"train_json": Path("a.json"), "train_images": Path("images"), "frame": "stored"}
    changes = overlays(None, None, {}, data, [], reading_changes(parse_reading(**text)))
    settings = resolve(changes, preset_name="htc-tiny", base=base)
    assert settings.model.input.reading == expected
    assert settings.data.frame == "stored"
    again = preset("htc-tiny").with_(
        input__reading=asdict(Reading(bounds=((0, 9),), channels=(0, 1)).explicit())
    )
    settings = resolve(changes, preset_name="htc-tiny", base=again)
    if "intensities" in text:
        assert settings.model.input.reading.bounds == expected.bounds


def test_logs_are_named_with_commas() -> None:
    assert log_names(None) is None
    assert log_names("wandb, tensorboard,") == ("wandb", "tensorboard")
    with pytest.raises(UsageError, match=r"U01: --log: unknown log 'tensorbord'.*tensorboard"):
        log_names("tensorbord")
