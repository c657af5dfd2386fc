"""Records and limits around the steps; whole trainings are in test_loop and test_saving."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from relook.training.callbacks import Records, Reseed, StepLimit
from relook.training.logs import TrainingLog
from relook.training.run_folder import RunFolder
from relook.training.settings import Settings


def test_random_numbers_depend_on_seed_epoch_and_batch() -> None:
    def drawn(seed: int, epoch: int, batch: int) -> float:
        trainer = cast(Any, SimpleNamespace(current_epoch=epoch))
        Reseed(seed).on_train_batch_start(trainer, cast(Any, None), None, batch)
        return float(torch.rand(()))

    numbers = {drawn(*place) for place in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))}
    assert len(numbers) == 4
    assert drawn(0, 1, 0) in numbers


@pytest.mark.parametrize(("done", "stops"), [(0, False), (2, False), (3, True), (5, True)])
def test_a_resumed_training_has_no_more_steps_than_it_was_given(done: int, stops: bool) -> None:
    limit = StepLimit(3)
    limit.load_state_dict({"steps": done})
    trainer = cast(Any, SimpleNamespace(should_stop=False, global_step=done))
    limit.on_fit_start(trainer, cast(Any, None))
    assert trainer.should_stop is stops
    assert limit.state_dict() == {"steps": done}


def test_records_after_the_state_are_dropped_also_those_of_its_step(
    tmp_path: Any, small: Settings
) -> None:
    """With accumulated gradients, several batches have the number of one step."""
    run = RunFolder(tmp_path)
    records = Records(run, 3, TrainingLog((), run, small), lambda _: None)
    for loss in (1.0, 2.0, 3.0):
        run.record({"step": 1, "loss": loss})
    records._window.add({"rpn.box": 0.5}, 2)
    state = records.state_dict()
    run.record({"step": 1, "loss": 4.0})
    resumed = Records(run, 3, TrainingLog((), run, small), lambda _: None)
    resumed.load_state_dict(state)
    resumed.on_fit_start(cast(Any, None), cast(Any, None))
    assert [row["loss"] for row in run.rows()] == [1.0, 2.0, 3.0]
    assert resumed.state_dict() == state
    assert state["window"] == {"steps": 1, "images": 2, "losses": {"rpn.box": 0.5}}
