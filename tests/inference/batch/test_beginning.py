"""What a run begins with: what is kept of a stopped one, and what cannot be shared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from relook.data.sources.stored import ImageBytes, ImagePixels, StoredImage
from relook.inference.batch import beginning
from relook.inference.batch.beginning import Output, digest_of, kept_lines
from relook.inference.batch.journal import Journal
from relook.inference.batch.writer import output_names
from relook.inference.predictor import Predictor


def test_what_has_no_stamp_or_another_one_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "file.png"
    path.write_bytes(b"content")
    images: list[Path | StoredImage] = [
        path,
        ImageBytes("same", b"1"),
        ImageBytes("changed", b"2"),
        ImagePixels("unknown", None),  # type: ignore[arg-type]
    ]
    journal = Journal(tmp_path)
    with journal:
        for image in images:
            stamp = [0] if str(image) == "changed" else beginning.stamp_of(image)
            name = Path(str(image)).stem
            journal.add({"source": str(image), "name": name, "stamp": stamp, "count": 1})
    names = output_names(images)
    kept = kept_lines(journal, images, names, Output(tmp_path, ()))
    assert list(kept) == [str(path), "same"]
    assert list(kept_lines(journal, images[:1], {str(path): "file"}, Output(tmp_path, ()))) == [
        str(path)
    ]
    moved = {**names, "same": "elsewhere/same"}  # as where its folder is mirrored now
    assert list(kept_lines(journal, images, moved, Output(tmp_path, ()))) == [str(path)]
    assert not kept_lines(journal, images, names, Output(tmp_path, ("overlay",)))  # files are gone


def test_a_digest_is_of_what_a_model_computes_with(model: Callable[..., Predictor]) -> None:
    first, again, other = model(), model(), model(seed=1)
    assert digest_of(first) == digest_of(again) != digest_of(other)
    with torch.no_grad():
        next(again.detector.parameters()).view(-1)[0] += 1e-3
    assert digest_of(again) != digest_of(first)
    assert digest_of(first.first_stages(1)) != digest_of(first)
