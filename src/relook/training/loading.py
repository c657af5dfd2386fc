"""From an annotation file to batches whose content depends on (seed, epoch, image) only.

Whatever the number of workers and the way they are started, and whether a training ran through or
was stopped and resumed, an image is augmented in the same way in the same epoch.

Worker processes that are not forked import this module: Lightning would make them start slowly.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ..data.batching import Sample, batch_images
from ..errors import RelookError
from ..types import ImageBatch, Target

_MASK = 2**63 - 1


class SampleSource(Protocol):
    """A data set with a length and samples by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


def mixed_seed(*parts: int) -> int:
    """A number in [0, 2**63) that looks unrelated for neighbouring `parts`."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        state = ((state ^ part) * 0xBF58476D1CE4E5B9) % 2**64
        state ^= state >> 29
    return state & _MASK


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatch:
    """What one step sees; names and ids are in the order of the images."""

    images: ImageBatch
    targets: list[Target]
    file_names: list[str]
    image_ids: list[int]

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> TrainingBatch:
        """The same batch with its tensors on `device`."""
        return TrainingBatch(
            self.images.to(device),
            [target.to(device) for target in self.targets],
            self.file_names,
            self.image_ids,
        )


class EpochOrder(Sampler[tuple[int, int]]):
    """(epoch, index) of every sample once an epoch, in an order drawn from seed and epoch."""

    def __init__(self, length: int, seed: int) -> None:
        self.length = length
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, after a resume too."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch))
        for index in torch.randperm(self.length, generator=generator).tolist():
            yield self.epoch, index


class Augmented(Dataset[Sample | RelookError]):
    """Samples by (epoch, index), each augmented by its own random numbers.

    An error about a sample is returned, not raised: on its way out of a worker process it would
    lose its code and its message.
    """

    def __init__(self, source: SampleSource, seed: int) -> None:
        self.source = source
        self.seed = seed

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: tuple[int, int]) -> Sample | RelookError:
        epoch, index = key
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed_seed(self.seed, epoch, index))
            try:
                return self.source[index]
            except RelookError as error:
                return error


@dataclass(frozen=True)
class BatchMaker:
    """Samples to one `TrainingBatch`; picklable, for workers of any start method."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __call__(self, samples: Sequence[Sample | RelookError]) -> TrainingBatch | RelookError:
        """The batch, or the first error among the samples."""
        found: list[Sample] = []
        for sample in samples:
            if isinstance(sample, RelookError):
                return sample
            found.append(sample)
        sizes = [sample.original_size for sample in found]
        images = batch_images([sample.image for sample in found], sizes, self.mean, self.std)
        return TrainingBatch(
            images,
            [sample.target or _nothing() for sample in found],
            [sample.file_name or "?" for sample in found],
            [-1 if sample.image_id is None else sample.image_id for sample in found],
        )


class BatchLoader(DataLoader[Sample | RelookError]):
    """A loader that raises here what went wrong in a worker process."""

    def __iter__(self) -> Iterator[TrainingBatch]:  # type: ignore[override]
        for batch in super().__iter__():
            if isinstance(batch, RelookError):
                raise batch
            yield batch


def _nothing() -> Target:
    return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))


def auto_workers() -> int:
    """Loader processes for this machine: all cores but one, 8 at most."""
    available = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    return min(available - 1, 8)


def training_loader(
    source: SampleSource, batch: int, workers: int, seed: int, maker: BatchMaker
) -> BatchLoader:
    """Shuffled batches; the last one of an epoch is left out when it would be smaller and
    there is another, so that every step weighs the same."""
    return BatchLoader(
        Augmented(source, seed),
        batch_size=min(batch, len(source)),
        sampler=EpochOrder(len(source), seed),
        num_workers=workers,
        collate_fn=maker,
        drop_last=True,
        persistent_workers=workers > 0,
    )


def validation_loader(source: SampleSource, workers: int, maker: BatchMaker) -> BatchLoader:
    """Images one by one in the order of the file: a neighbour's padding changes nothing."""
    return BatchLoader(
        Augmented(source, 0),
        sampler=[(0, index) for index in range(len(source))],
        num_workers=workers,
        collate_fn=maker,
        persistent_workers=workers > 0,
    )
