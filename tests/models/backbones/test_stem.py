from __future__ import annotations

import torch
import torch.nn.functional as F

from relook.models.backbones.stem import adapted_stem, stem_words


def test_an_image_that_is_alike_in_all_channels_gives_the_same_map() -> None:
    torch.manual_seed(0)
    kernel, plane = torch.randn(4, 3, 7, 7), torch.randn(1, 1, 20, 20)
    before = F.conv2d(plane.expand(-1, 3, -1, -1), kernel)
    for channels in (1, 2, 3, 5):
        adapted = adapted_stem(kernel, channels)
        assert adapted.shape == (4, channels, 7, 7)
        after = F.conv2d(plane.expand(-1, channels, -1, -1), adapted)
        torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)
    assert adapted_stem(kernel, 3) is kernel
    assert "5 channels here, 3 in the weights" in stem_words(3, 5)
