"""The page about an evaluation, and the same parts for the page about a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.coco.records import CocoIndex
from ..errors import counted
from ..evaluation.confusion import Confusion
from ..evaluation.error_split import ErrorSplit, split_errors
from ..evaluation.ground_truth import GroundTruth, truth_of
from ..evaluation.image_table import save_image_table
from ..evaluation.metrics import Metrics
from ..evaluation.pairing import ImagePairs, pair_images
from ..evaluation.tables import save_tables
from ..runtime.files import write_text
from ..visualization.page import Section, page
from .images import image_section
from .numbers import all_numbers, headline, number_sections
from .pictures import picture_section, pictured


@dataclass(frozen=True, slots=True)
class Study:
    """Details of an evaluation: pairs, confusion and errors by kind."""

    index: CocoIndex
    metrics: Metrics
    threshold: float  # score from which objects are found, for confusion and pictures
    images: Sequence[ImagePairs]
    confusion: Confusion
    split: ErrorSplit

    def sections(self) -> list[Section]:
        """The parts of a page; images are read for one of them."""
        records = {image.id: image for image in self.index.images}
        names = {score.id: score.name for score in self.metrics.box.classes}
        pictures = picture_section(
            self.images, records, names, self.metrics.kind, self.index.reading
        )
        numbers = number_sections(self.metrics, self.threshold, self.confusion, self.split)
        images = image_section(self.images, records, self.threshold, pictured(self.images, names))
        return [*numbers, images, pictures, all_numbers(self.metrics)]


def study(
    index: CocoIndex,
    metrics: Metrics,
    predictions: Sequence[Mapping[str, Any]],
    threshold: float,
    limit: int | None = None,
    truth: GroundTruth | None = None,
) -> Study:
    """Compute the details of `predictions`, COCO results with the category ids of `index`.

    `metrics` are the metrics of `predictions`. `limit` is that of the evaluation, `truth` the
    ground truth of `index` where it has been read already.

    Raises:
        DataError: the annotations cannot be read.
    """
    truth = truth or truth_of(index)
    image_ids = [image.id for image in index.images[:limit]]
    images = pair_images(
        truth, predictions, kind=metrics.kind, threshold=threshold, image_ids=image_ids
    )
    split = split_errors(
        truth, predictions, kind=metrics.kind, max_dets=metrics.max_dets, image_ids=image_ids
    )
    confusion = Confusion.from_pairs(images, truth.categories)
    return Study(index, metrics, threshold, images, confusion, split)


def write_evaluation(folder: Path, title: str, evaluation: Study) -> None:
    """Write report.html, images.csv and the tables of `save_tables` into `folder`.

    Raises:
        RelookError: R02 when a file cannot be written.
    """
    metrics = evaluation.metrics
    save_tables(folder, metrics, evaluation.confusion, evaluation.split)
    file_names = {image.id: image.file_name for image in evaluation.index.images}
    save_image_table(folder / "images.csv", evaluation.images, file_names)
    lead = (
        f"{counted(metrics.num_images, 'image')} of {evaluation.index.path.name}, "
        f"{counted(metrics.num_objects, 'object')}, "
        f"at most {metrics.max_dets} detections of a class in an image"
    )
    content = page(title, lead, headline(metrics, evaluation.threshold), evaluation.sections())
    write_text(folder / "report.html", content)
