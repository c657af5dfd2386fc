"""The detector as a function of tensors is the detector."""

from __future__ import annotations

import torch

from relook.data.batching import batch_images
from relook.export.network import ExportedDetector

from .conftest import noise, small_model


def test_it_finds_what_the_detector_finds_whatever_lies_beside_the_picture() -> None:
    saved = small_model()
    network = ExportedDetector(saved.detector, saved.config.input)
    image = noise(100, 120)
    canvas = torch.full((128, 160, 3), 77, dtype=torch.uint8)
    canvas[:100, :120] = torch.from_numpy(image)
    with torch.no_grad():
        boxes, scores, labels, masks = network(
            canvas, torch.tensor([100, 120]), torch.tensor([0.5, 0.25]), torch.tensor(0.1)
        )
    batch = batch_images([image], [(400, 240)], *saved.config.input.normalisation)
    assert batch.scales == ((0.5, 0.25),)
    (found,) = saved.detector.detect(batch, score_threshold=0.1)
    assert len(found) > 3
    torch.testing.assert_close(boxes, found.boxes, rtol=0, atol=1e-3)
    torch.testing.assert_close(scores, found.scores, rtol=0, atol=1e-5)
    torch.testing.assert_close(masks, found.mask_probabilities, rtol=0, atol=1e-4)
    assert torch.equal(labels, found.labels)


def test_a_model_of_its_own_cap() -> None:
    saved = small_model()
    network = ExportedDetector(saved.detector, saved.config.input, max_detections=4)
    canvas = torch.from_numpy(noise(96, 96))
    size, scale, score = torch.tensor([96, 96]), torch.ones(2), torch.tensor(0.0)
    with torch.no_grad():
        assert len(network(canvas, size, scale, score)[0]) == 4
