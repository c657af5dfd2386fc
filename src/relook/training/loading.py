"""Loading of batches whose content depends on (seed, epoch, image) only.

An image is augmented in the same way in the same epoch, for any number of workers and any way to
start them, and for a training that was stopped and resumed.

Worker processes that are not forked import this module: Lightning would make them start slowly.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Sampler

from ..data.batching import Sample, batch_images
from ..errors import RelookError, UsageError, counted
from ..structures.detection import ImageBatch, Target

_MASK = 2**63 - 1
_LONGEST_STOP = 20  # seconds that a loader process goes on after SIGTERM


class SampleSource(Protocol):
    """A data set with a length and samples by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


def mixed_seed(*parts: int) -> int:
    """A hash of `parts` in [0, 2**63); similar `parts` give unrelated numbers."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        state = ((state ^ part) * 0xBF58476D1CE4E5B9) % 2**64
        state ^= state >> 29
    return state & _MASK


@dataclass(frozen=True, slots=True, eq=False)
class TrainingBatch:
    """Batch of one step; names and ids are in the order of the images."""

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

    def on_canvas(self, height: int, width: int) -> TrainingBatch:
        """The same batch, its canvas of zeros enlarged to (height, width)."""
        pixels = self.images.pixels
        padding = (0, width - pixels.shape[3], 0, height - pixels.shape[2])
        if not any(padding):
            return self
        return replace(self, images=replace(self.images, pixels=F.pad(pixels, padding)))


@dataclass(frozen=True, slots=True)
class Share:
    """Part of every batch for this process: places rank, rank + world_size, ..."""

    rank: int = 0
    world_size: int = 1


class EpochOrder(Sampler[tuple[int, int]]):
    """(epoch, index) of every sample once an epoch, in an order drawn from seed and epoch.

    With a `share` of batches of `batch` images, only the places of this process in each. Images of
    an incomplete last batch are left out, so that all processes get the same number.
    """

    def __init__(self, length: int, seed: int, batch: int = 1, share: Share | None = None) -> None:
        self.length = length
        self.seed = seed
        self.batch = batch
        self.share = share or Share()
        self.epoch = 0
        self.done = 0
        """Batches that are left out at the beginning of the next iteration: a training that is
        resumed inside an epoch has had them."""

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this before each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length // self.batch * self.batch // self.share.world_size

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, self.epoch))
        order = torch.randperm(self.length, generator=generator).tolist()
        begin, self.done = self.done * self.batch, 0
        for start in range(begin, self.length - self.batch + 1, self.batch):
            of_all = order[start : start + self.batch]
            for index in of_all[self.share.rank :: self.share.world_size]:
                yield self.epoch, index


class Augmented(Dataset[Sample | RelookError]):
    """Samples by (epoch, index), each augmented by its own random numbers; the draws of its
    anchors and RoIs depend on them too.

    An error about a sample is returned, not raised: an exception of a worker process would lose
    its code and its message.
    """

    def __init__(self, source: SampleSource, seed: int) -> None:
        self.source = source
        self.seed = seed

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, key: tuple[int, int]) -> Sample | RelookError:
        epoch, index = key
        seed = mixed_seed(self.seed, epoch, index)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            try:
                sample = self.source[index]
            except RelookError as error:
                return error
        if sample.target is None:
            return sample
        return replace(sample, target=replace(sample.target, seed=seed))


@dataclass(frozen=True)
class BatchMaker:
    """Function from samples to one `TrainingBatch`; picklable, for any start method of workers."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, samples: Sequence[Sample | RelookError]) -> TrainingBatch | RelookError:
        """The batch, or the first error among the samples."""
        checked: list[Sample] = []
        for sample in samples:
            if isinstance(sample, RelookError):
                return sample
            checked.append(sample)
        sizes = [sample.original_size for sample in checked]
        images = batch_images([sample.image for sample in checked], sizes, self.mean, self.std)
        return TrainingBatch(
            images,
            [sample.target or _empty_target() for sample in checked],
            [sample.file_name or "?" for sample in checked],
            [-1 if sample.image_id is None else sample.image_id for sample in checked],
        )


class BatchLoader(DataLoader[Sample | RelookError]):
    """A loader that raises the errors of worker processes in this process.

    Its state is the number of batches of this epoch that it has given, so that Lightning resumes a
    training inside an epoch at the batch where it was stopped.
    """

    given = 0

    def __iter__(self) -> Iterator[TrainingBatch]:  # type: ignore[override]
        self.given = self.sampler.done if isinstance(self.sampler, EpochOrder) else 0
        for batch in super().__iter__():
            if isinstance(batch, RelookError):
                raise batch
            self.given += 1
            yield batch

    def close(self) -> None:
        """End the loader processes."""
        shutdown = getattr(self._iterator, "_shutdown_workers", None)
        if shutdown is not None:  # nothing public ends them
            shutdown()
        self._iterator = None

    def state_dict(self) -> dict[str, int]:
        """Return the number of batches given in this epoch."""
        return {"given": self.given}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Begin the next iteration after as many batches."""
        if isinstance(self.sampler, EpochOrder):
            self.sampler.done = state_dict["given"]


def _outlive_signals(_worker: int) -> None:
    """Let a loader process end after the training, which decides what a signal means.

    Ctrl-C and the signals of a queue go to all processes of a group. Without its loaders a training
    cannot reach its next update. SIGTERM to a loader ends it some seconds later.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, lambda *_: signal.alarm(_LONGEST_STOP))
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def _empty_target() -> Target:
    return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))


def auto_workers(processes: int = 1) -> int:
    """Loader processes for each of `processes` that share this machine: all its cores but one,
    8 at most."""
    available = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    return max(min(available // processes - 1, 8), 0)


def training_loader(
    source: SampleSource,
    batch: int,
    workers: int,
    seed: int,
    maker: BatchMaker,
    share: Share | None = None,
) -> BatchLoader:
    """Shuffled batches; a smaller last batch of an epoch is left out if there is another batch, so
    that every step has the same weight.

    Of the `batch` images of a step, each process loads its `share`.

    Raises:
        UsageError: U04 when the processes cannot share a batch equally.
    """
    share = share or Share()
    size = min(batch, len(source))
    if size % share.world_size:
        number = share.world_size
        raise UsageError(
            "U04",
            f"a step is {counted(size, 'image')} over all processes (train.batch = {batch}, "
            f"{counted(len(source), 'image')}), which {number} processes cannot share equally. "
            f"Choose a --batch that {number} divides, {-(-size // number) * number} for example, "
            "or another number of processes.",
        )
    return BatchLoader(
        Augmented(source, seed),
        batch_size=size // share.world_size,
        sampler=EpochOrder(len(source), seed, size, share),
        num_workers=workers,
        collate_fn=maker,
        drop_last=True,
        persistent_workers=workers > 0,
        worker_init_fn=_outlive_signals,
    )


def validation_loader(
    source: SampleSource, workers: int, maker: BatchMaker, share: Share | None = None
) -> BatchLoader:
    """Images one by one in the order of the file, without padding by other images.

    Each process loads its `share`. A process without an image loads the first one again, because
    Lightning stops where a process has nothing to validate.
    """
    share = share or Share()
    indices = range(share.rank, len(source), share.world_size) or range(1)
    return BatchLoader(
        Augmented(source, 0),
        sampler=[(0, index) for index in indices],
        num_workers=workers,
        collate_fn=maker,
        persistent_workers=workers > 0,
        worker_init_fn=_outlive_signals,
    )
