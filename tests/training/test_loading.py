"""Order and augmentation are functions of seed, epoch and image."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from relook.data.augment.copy_paste import CopyPaste
from relook.data.augment.rule import Augment
from relook.data.augment.transforms import training_transforms
from relook.data.batching import Sample
from relook.data.coco.reader import read_coco
from relook.data.dataset import CocoDataset
from relook.errors import DataError, RelookError, UsageError
from relook.structures.detection import Target
from relook.training.loading import (
    Augmented,
    BatchMaker,
    EpochOrder,
    Share,
    auto_workers,
    mixed_seed,
    training_loader,
    validation_loader,
)

# Run as a file of its own: spawned workers import the main module again, and need it guarded.
SPAWNS = """
import multiprocessing
import sys
from pathlib import Path

import torch

from relook.data.coco.reader import read_coco
from relook.data.dataset import CocoDataset
from relook.data.augment.copy_paste import CopyPaste
from relook.data.augment.rule import Augment
from relook.data.semantics import choose_semantics
from relook.data.augment.transforms import training_transforms
from relook.training.loading import BatchMaker, training_loader


def batches(path, workers):
    index = read_coco(path, path.parent / "images")
    more = {"colour": 0.2, "grey": 0.5, "blur": 1.0, "noise": 5.0}
    augment = Augment(scale_jitter=(0.8, 1.2), crop=(48, 48), **more)
    transforms = training_transforms((64, 64), augment)
    semantics = choose_semantics("instances", index, None)
    paste = CopyPaste(Augment(copy_paste=0.7))
    samples = CocoDataset(index, transforms, semantics, copy_paste=paste, num_semantic_classes=2)
    loader = training_loader(samples, 2, workers, 5, BatchMaker((9.0,) * 3, (2.0,) * 3))
    for epoch in (0, 1):
        loader.sampler.set_epoch(epoch)
        yield from loader


def tensors(batch):
    yield batch.images.pixels
    for target in batch.targets:
        yield from (target.boxes, target.labels, target.semantic)
        yield from (part for part in vars_of(target.masks) if isinstance(part, torch.Tensor))


def vars_of(value):
    return [getattr(value, name) for name in value.__dataclass_fields__]


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    path = Path(sys.argv[1])
    pairs = list(zip(batches(path, 0), batches(path, 1), strict=True))
    compared = 0
    for here, there in pairs:
        assert (here.file_names, here.image_ids) == (there.file_names, there.image_ids)
        for one, other in zip(tensors(here), tensors(there), strict=True):
            assert torch.equal(one, other)
            compared += one.numel() > 0
    print(len(pairs), "batches,", compared, "tensors")
"""
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


def test_what_is_pasted_repeats_whatever_was_loaded_before(blobs: Path) -> None:
    """As after a resume: sample 2 of epoch 1 is the same, first or last, and another in epoch 2."""
    index = read_coco(blobs, blobs.parent / "images")
    transforms = training_transforms((64, 64), Augment(colour=0.2, blur=1.0, noise=5.0))
    samples = Augmented(
        CocoDataset(index, transforms, copy_paste=CopyPaste(Augment(copy_paste=0.8))), seed=3
    )
    first = samples[1, 2]
    for key in ((0, 0), (0, 2), (1, 3)):
        samples[key]
    again, later = samples[1, 2], samples[2, 2]
    for one in (first, again, later):
        assert isinstance(one, Sample) and one.target is not None
        assert one.target.masks is not None
    assert (first.image == again.image).all()
    assert torch.equal(first.target.boxes, again.target.boxes)
    assert torch.equal(first.target.masks.crops, again.target.masks.crops)
    assert (first.image != later.image).any()


def test_seeds_do_not_collide() -> None:
    seeds = {mixed_seed(*parts) for parts in product(range(8), range(8), range(64))}
    assert len(seeds) == 8 * 8 * 64
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_batches_are_full_unless_there_is_only_one() -> None:
    assert [len(batch) for batch in training_loader(Noise(5), 2, 0, 0, MAKER)] == [2, 2]
    assert [len(batch) for batch in training_loader(Noise(3), 16, 0, 0, MAKER)] == [3]


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_every_batch_of_one(world: int) -> None:
    """Process r has places r, r + world, ... of each batch; nothing is lost or done twice."""
    for epoch in (0, 1):
        alone = training_loader(Noise(14), 6, 0, 3, MAKER)
        shared = [training_loader(Noise(14), 6, 0, 3, MAKER, Share(r, world)) for r in range(world)]
        for loader in (alone, *shared):
            loader.sampler.set_epoch(epoch)
        assert {len(loader) for loader in shared} == {len(alone)} == {2}
        for batch, *parts in zip(alone, *shared, strict=True):
            for number, part in enumerate(parts):
                assert part.image_ids == batch.image_ids[number::world]
                assert torch.equal(part.images.pixels, batch.images.pixels[number::world])
                seeds = [target.seed for target in batch.targets]
                assert [target.seed for target in part.targets] == seeds[number::world]
                assert None not in seeds and len(set(seeds)) == 6


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(UsageError, match="4 for example") as caught:
        training_loader(Noise(9), 3, 0, 0, MAKER, Share(0, 2))
    assert caught.value.code == "U04"
    with pytest.raises(UsageError, match="a step is 1 image "):
        training_loader(Noise(1), 2, 0, 0, MAKER, Share(0, 2))


def test_every_process_has_something_to_validate() -> None:
    seen = [
        [batch.image_ids for batch in validation_loader(Noise(3), 0, MAKER, Share(rank, 4))]
        for rank in range(4)
    ]
    assert seen == [[[0]], [[1]], [[2]], [[0]]]
    halves = [validation_loader(Noise(3), 0, MAKER, Share(rank, 2)) for rank in range(2)]
    assert [[b.image_ids[0] for b in half] for half in halves] == [[0, 2], [1]]


def test_a_larger_canvas_moves_nothing() -> None:
    batch = next(iter(training_loader(Noise(2), 2, 0, 0, MAKER)))
    larger = batch.on_canvas(160, 128)
    assert larger.images.pixels.shape == (2, 3, 160, 128)
    assert torch.equal(larger.images.pixels[..., :96, :96], batch.images.pixels)
    assert larger.images.pixels.sum() == batch.images.pixels.sum()
    assert larger.images.sizes == batch.images.sizes
    assert batch.on_canvas(96, 96) is batch


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


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_of_any_start_method_make_the_same_batches(
    method: str, blobs: Path, tmp_path: Path
) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this platform")
    script = tmp_path / "spawns.py"
    script.write_text(SPAWNS)
    command = [sys.executable, script, blobs, method]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("4 batches, ")
    assert int(result.stdout.split()[2]) >= 4 * (1 + 2 * 4)  # pixels, and of both images four


def test_workers_do_not_import_what_only_training_needs() -> None:
    program = (
        "import sys, relook.training.loading, relook.data.dataset; "
        "print([m for m in ('lightning', 'typer', 'rich') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_what_goes_to_workers_can_be_sent() -> None:
    assert pickle.loads(pickle.dumps(MAKER)) == MAKER
    assert len(pickle.loads(pickle.dumps(Augmented(Noise(3), 0)))) == 3
    assert auto_workers() >= auto_workers(2) >= auto_workers(1000) == 0
