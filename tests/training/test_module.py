"""The detector as Lightning sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer

from relook.data.batching import collate
from relook.errors import RelookError
from relook.training.loading import BatchMaker, TrainingBatch
from relook.training.module import TrainingModule
from relook.training.schedule import Schedule
from relook.training.settings import Settings
from relook.training.sources import Sources, read_sources
from relook.training.start.fresh import seeded_detector


def _module(settings: Settings, **recipe: object) -> tuple[TrainingModule, Sources, Settings]:
    settings, sources = read_sources(settings)
    train = settings.train.with_(**recipe)
    detector = seeded_detector(settings.model, 0)
    schedule = Schedule(train, 10, lambda: 0.0)
    module = TrainingModule(detector, train, settings.model.input, schedule, sources.train.classes)
    return module, sources, settings


def _batch(sources: Sources, settings: Settings) -> TrainingBatch:
    maker = BatchMaker(settings.model.input.mean, settings.model.input.std)
    samples = sources.training_set(settings)
    return maker([samples[0], samples[1]])


def test_the_step_is_the_plain_sum_of_the_detectors_losses(small: Settings) -> None:
    module, sources, settings = _module(small)
    batch = _batch(sources, settings)
    torch.manual_seed(0)
    total = module.training_step(batch, 0)
    torch.manual_seed(0)
    losses = module.detector.loss(batch.images, batch.targets)
    torch.testing.assert_close(total, torch.stack(list(losses.values())).sum())
    assert module.last_losses == {name: loss.item() for name, loss in losses.items()}
    assert len(batch) == 2 and batch.file_names == ["1.png", "2.png"] and batch.image_ids == [1, 2]


def test_the_optimiser_gets_what_is_trained_and_nothing_frozen(small: Settings) -> None:
    module, _, _ = _module(small, optimizer="sgd", momentum=0.8, weight_decay=0.01, lr=0.5)
    module.detector.rpn.requires_grad_(False)
    optimizer = module.configure_optimizers()["optimizer"]
    assert isinstance(optimizer, torch.optim.SGD)
    (group,) = optimizer.param_groups
    assert group["fused"]  # one kernel, on a CPU
    assert (group["initial_lr"], group["momentum"], group["weight_decay"]) == (0.5, 0.8, 0.01)
    given = {id(p) for p in group["params"]}
    assert given == {id(p) for p in module.detector.parameters() if p.requires_grad}


def test_validation_keeps_as_many_detections_as_it_will_count(small: Settings) -> None:
    """Also beyond the model's own cap."""
    small = small.with_(
        model__cascade__select__max_detections=1, model__cascade__select__score_threshold=0.0
    )
    for limit in (1, 7):
        module, sources, settings = _module(small, max_dets=limit)
        module.on_validation_epoch_start()
        module.validation_step(_batch(sources, settings), 0)
        per_image = [p["image_id"] for p in module.predictions]
        assert per_image.count(1) == per_image.count(2) == limit
        module.on_validation_epoch_start()
        assert module.predictions == []


def test_a_batch_moves_with_everything_in_it(small: Settings) -> None:
    module, sources, settings = _module(small)
    moved = module.transfer_batch_to_device(_batch(sources, settings), torch.device("meta"), 0)
    assert moved.images.pixels.is_meta and all(t.boxes.is_meta for t in moved.targets)
    assert moved.file_names == ["1.png", "2.png"]


def test_a_loss_that_is_no_number_is_named(small: Settings, tmp_path: Path) -> None:
    module, sources, settings = _module(small)
    torch.nn.init.constant_(module.detector.rpn.objectness.bias, float("nan"))
    module.trainer = Trainer(
        logger=False, accelerator="cpu", enable_progress_bar=False, default_root_dir=tmp_path
    )
    module.trainer.strategy.optimizers = [module.configure_optimizers()["optimizer"]]
    with pytest.raises(RelookError, match=r"R03.*rpn.objectness = nan.*1.png, 2.png.*--lr"):
        module.training_step(_batch(sources, settings), 0)


def test_batches_are_those_of_collate(small: Settings) -> None:
    _, sources, settings = _module(small)
    samples = sources.training_set(settings)
    chosen = [samples[0], samples[1]]
    given = settings.model.input
    images, targets = collate(chosen, given.mean, given.std)
    batch = BatchMaker(given.mean, given.std)(chosen)
    assert torch.equal(batch.images.pixels, images.pixels)
    assert torch.equal(batch.targets[0].boxes, targets[0].boxes)
