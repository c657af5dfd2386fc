"""Two real models over real images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from relook.analysis.compare.matching import Match
from relook.analysis.compare.run import Compared, compare_images, disagreement
from relook.analysis.compare.truth import TruthFile
from relook.errors import DataError
from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.inference.preprocess import Unreadable


def test_the_disturbed_model_is_told_to_be_worse(compared: list[Compared]) -> None:
    matches = [one for image in compared for one in image.matches]
    counts = Counter(one.verdict for one in matches)
    assert counts["a better"] > counts["b better"] > 0
    assert counts["a only"] > counts["b only"]
    both = [one for one in matches if one.a_truth is not None and one.b_truth is not None]
    assert len(both) > 50
    means = [np.mean([getattr(one, name) for one in both]) for name in ("a_truth", "b_truth")]
    assert 0.95 > means[0] > means[1] + 0.01


def test_every_object_counts_once(compared: list[Compared]) -> None:
    for image in compared:
        assert image.truth is not None
        for name, there in (
            ("a", len(image.a)),
            ("b", len(image.b)),
            ("truth", len(image.truth.objects.names)),
        ):
            rows = [getattr(one, name) for one in image.matches]
            assert sorted(row for row in rows if row is not None) == list(range(there)), name
            assert there > 5


def test_what_differs_most_comes_first(compared: list[Compared]) -> None:
    for image in compared:
        values = [disagreement(one) for one in image.matches]
        assert values == sorted(values, reverse=True)
        assert image.difference == pytest.approx(sum(values))
    assert compared[1].difference > compared[0].difference > 0


def test_a_model_does_not_differ_from_itself(nuclei: Predictor, images: list[Path]) -> None:
    (same,) = compare_images(nuclei, nuclei, images[:1])
    assert same.difference == 0
    assert same.with_masks
    assert {one.verdict for one in same.matches} == {"alike"}


def test_scores_choose_what_counts(nuclei: Predictor, images: list[Path]) -> None:
    (few,) = compare_images(
        nuclei, nuclei, images[:1], options=(PredictOptions(score=0.99), PredictOptions())
    )
    assert few.a.scores.min() >= 0.99
    assert few.b.scores.min() >= nuclei.shown_from
    extra = len(few.b) - len(few.a)
    assert extra > 0
    assert Counter(one.verdict for one in few.matches)["b only"] == extra


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match("cell", "a better", 0, 0, 0, 0.5, 0.9, 0.6), 0.3),
        (Match("cell", "b only", None, 0, 0, None, None, 0.8), 0.8),
        (Match("cell", "neither", truth=0), 0.0),
        (Match("cell", "both wrong", 0, 0, None, 0.7), 0.3),
        (Match("cell", "a wrong", a=0), 1.0),
        (Match("cell", "a crowd", a=0), 0.0),
        (Match("cell", "differ", 0, 0, None, 0.6), 0.4),
        (Match("cell", "b only", b=0), 1.0),
    ],
)
def test_disagreement(match: Match, expected: float) -> None:
    assert disagreement(match) == pytest.approx(expected)


def test_images_that_cannot_be_read(nuclei: Predictor, images: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    refused, found = compare_images(nuclei, nuclei, [bad, images[0]])
    assert isinstance(refused, Unreadable) and refused.error.code == "D02"
    assert isinstance(found, Compared) and found.image == images[0]


def test_an_image_without_truth_is_refused_before_the_work(
    nuclei: Predictor, images: list[Path], truth: TruthFile, tmp_path: Path
) -> None:
    other = tmp_path / "other.png"
    other.write_bytes(b"never read")
    with pytest.raises(DataError, match="does not list this image") as caught:
        next(compare_images(nuclei, nuclei, [*images, other], truth=truth))
    assert caught.value.code == "D11"
