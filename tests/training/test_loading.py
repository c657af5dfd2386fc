"""Order and augmentation are functions of seed, epoch and image."""

from __future__ import annotations

import pickle
from itertools import product

import numpy as np
import pytest
import torch

from relook.data.batching import Sample
from relook.errors import DataError, RelookError
from relook.training.loading import (
    Augmented,
    BatchMaker,
    EpochOrder,
    auto_workers,
    mixed_seed,
    training_loader,
    validation_loader,
)
from relook.types import Target

MAKER = BatchMaker((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


class Noise:
    """Samples whose pixels are drawn from torch's generator; sample `broken` cannot be read."""

    def __init__(self, length: int, broken: int = -1) -> None:
        self.length, self.broken = length, broken

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        if index == self.broken:
            raise DataError("D02", f"image {index} cannot be read")
        image = torch.randint(0, 256, (8, 8, 3), dtype=torch.uint8).numpy()
        target = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
        return Sample(np.ascontiguousarray(image), (8, 8), target, index, f"{index}.png")


def test_every_sample_comes_once_an_epoch_in_an_order_of_its_own() -> None:
    order = EpochOrder(20, seed=3)
    first = list(order)
    order.set_epoch(1)
    second = list(order)
    assert sorted(index for _, index in first) == list(range(20))
    assert {epoch for epoch, _ in second} == {1}
    assert [index for _, index in first] != [index for _, index in second]
    again = EpochOrder(20, seed=3)
    again.set_epoch(1)
    assert list(again) == second


def test_augmentation_repeats_and_leaves_the_global_generator_alone() -> None:
    samples = Augmented(Noise(4), seed=0)
    state = torch.get_rng_state()
    one, same = samples[0, 2], samples[0, 2]
    assert torch.equal(torch.get_rng_state(), state)
    assert isinstance(one, Sample)
    assert isinstance(same, Sample)
    assert (one.image == same.image).all()
    for key in ((1, 2), (0, 3)):
        other = samples[key]
        assert isinstance(other, Sample)
        assert (one.image != other.image).any()


def test_seeds_do_not_collide() -> None:
    seeds = {mixed_seed(*parts) for parts in product(range(8), range(8), range(64))}
    assert len(seeds) == 8 * 8 * 64
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_batches_are_full_unless_there_is_only_one() -> None:
    assert [len(batch) for batch in training_loader(Noise(5), 2, 0, 0, MAKER)] == [2, 2]
    assert [len(batch) for batch in training_loader(Noise(3), 16, 0, 0, MAKER)] == [3]


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_keep_their_code_out_of_worker_processes(workers: int) -> None:
    loader = training_loader(Noise(2, broken=1), 1, workers, 0, MAKER)
    with pytest.raises(RelookError, match="image 1 cannot be read") as caught:
        list(loader)
    assert caught.value.code == "D02"


def test_validation_keeps_the_order_and_names() -> None:
    batches = list(validation_loader(Noise(3), 0, MAKER))
    assert [batch.image_ids for batch in batches] == [[0], [1], [2]]
    assert [batch.file_names for batch in batches] == [["0.png"], ["1.png"], ["2.png"]]


def test_what_goes_to_workers_can_be_sent() -> None:
    assert pickle.loads(pickle.dumps(MAKER)) == MAKER
    assert len(pickle.loads(pickle.dumps(Augmented(Noise(3), 0)))) == 3
    assert auto_workers() >= 0
