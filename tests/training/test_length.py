"""Steps, validations and the end of a training, and their words."""

from __future__ import annotations

import pytest

from relook.training.length import Length, Reason
from relook.training.recipe import UNLIMITED, Recipe


def length(steps_per_epoch: int = 7, **fields: object) -> Length:
    return Length(Recipe(**fields), steps_per_epoch)  # type: ignore[arg-type]


def test_the_length_names_what_ends_the_training() -> None:
    assert length(epochs=3).sentence() == "Length: 3 epochs of 7 steps, 21 in all."
    assert length(1, epochs=1).sentence() == "Length: 1 epoch of 1 step, 1 in all."
    both = length(epochs=3, minutes=2, steps=9).sentence()
    assert both == (
        "Length: 2 minutes, or 3 epochs of 7 steps, 21 in all, if that is earlier; it stops after "
        "step 9 (--steps), with the rates of the beginning of the whole training."
    )
    timed = length(epochs=UNLIMITED, minutes=2).sentence()
    assert timed == "Length: 2 minutes, 7 steps an epoch."
    assert "--steps 21 is not less and changes nothing" in length(epochs=3, steps=21).sentence()
    patient = length(epochs=3, patience=2).sentence()
    assert patient.endswith("; it ends earlier after 2 validations without a better model "
                            "(--patience).")  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"epochs": 3}, "after every epoch, 3 times"),
        ({"epochs": 6, "validate_every": 3}, "after every 3 epochs, 2 times"),
        ({"epochs": 7, "validate_every": 3}, "after every 3 epochs and at the end, 3 times"),
        ({"epochs": 1}, "once, at the end, after epoch 1"),
        ({"epochs": 12, "steps": 1}, "once, at the end, after step 1, in epoch 1"),
        ({"epochs": 12, "steps": 7, "validate_every": 2}, "once, at the end, after epoch 1"),
        ({"epochs": 12, "steps": 9}, "after every epoch and at the end, 2 times"),
        ({"epochs": UNLIMITED, "minutes": 2}, "after every epoch, and when the minutes are over"),
        ({"epochs": 9, "minutes": 2}, "after every epoch, and when the training ends"),
    ],
)
def test_words_say_when_it_validates(fields: dict[str, object], words: str) -> None:
    assert length(**fields).validation_sentence() == words


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 6, 7, 8, 14, 20, 21])
def test_validations_that_are_left_are_counted(every: int, steps: int) -> None:
    """As by hand: at the end of each `every` epochs, but the last step."""
    it = length(epochs=3, steps=steps, validate_every=every)
    for step in range(1, steps + 1):
        due = [n for n in range(step, steps) if n % 7 == 0 and n // 7 % every == 0]
        assert it.validations_between(step) == len(due)
    assert length(epochs=UNLIMITED, minutes=1).validations_between(1) is None


def test_a_place_is_an_epoch_or_a_step_in_one() -> None:
    it = length()
    assert [it.position(step) for step in (1, 7, 8, 21)] == [
        "step 1, in epoch 1",
        "epoch 1",
        "step 8, in epoch 2",
        "epoch 3",
    ]


@pytest.mark.parametrize(
    ("fields", "step", "exhausted", "reason"),
    [
        ({"epochs": 3}, 21, False, "epochs"),
        ({"epochs": 3, "steps": 9}, 9, False, "steps"),
        ({"epochs": 3, "steps": 21}, 21, False, "epochs"),
        ({"epochs": 3, "minutes": 2}, 9, False, "minutes"),
        ({"epochs": 3, "patience": 1}, 14, True, "patience"),
    ],
)
def test_what_ended_a_training_is_said(
    fields: dict[str, object], step: int, exhausted: bool, reason: Reason
) -> None:
    it = length(**fields)
    assert it.reason(step, is_exhausted=exhausted) == reason
    sentence = it.end_sentence(step, is_exhausted=exhausted)
    assert (sentence is None) == (reason == "epochs")
    if reason == "steps":
        assert sentence == (
            "ended after step 9 of 21, in epoch 2: the steps that --steps gives are done"
        )
