"""Style of a ResNet, PyTorch's or Caffe's: a difference that shapes do not show.

Caffe-style networks have the stride in the first 1x1 convolution instead of the 3x3, and were
trained on blue, green, red pixels from which only a mean was subtracted. The style is recognised by
the settings in a file, its name, and the statistics of its first layer: on pixels that were not
divided by their deviation, these are about three thousand times larger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from torch import Tensor

Style = Literal["pytorch", "caffe"]

_STYLE = re.compile(r"""\bstyle['"]?\s*[=:]\s*['"](pytorch|caffe)['"]""")
_BLUE_FIRST = re.compile(r"""\b(?:to_rgb|bgr_to_rgb)['"]?\s*[=:]\s*False\b""")
TEXTS: Final = ("config", "cfg")
"""Keys in meta of 2.x and 3.x that keep the settings of the training, as text."""
_LARGEST_TEXT = 4_000_000

_LARGEST_RATIO = 2 * 3 * 7 * 7
"""Of a stem channel's variance to the squared norm of its kernel, on pixels of unit variance:
the variance is at most the sum over the kernel's 147 inputs. Twice that leaves room."""
_ENOUGH = 0.25  # of the channels; unused ones have statistics without meaning


class Evidence(NamedTuple):
    """Signs of a style."""

    style: Style
    why: str
    stated: bool = False  # set by the settings or the user; False for a sign only


def stated_style(meta: Mapping[str, Any], name: str) -> Evidence | None:
    """The style by the settings in the file, or by its name; None when neither has one."""
    for key in TEXTS:
        text = meta.get(key)
        if not isinstance(text, str):
            continue
        text = text[:_LARGEST_TEXT]
        styles = set(_STYLE.findall(text))
        if "caffe" in styles:
            return Evidence("caffe", f"meta.{key} has style='caffe'", stated=True)
        if _BLUE_FIRST.search(text):
            why = f"meta.{key} feeds blue, green, red pixels (to_rgb=False)"
            return Evidence("caffe", why, stated=True)
        if styles:
            return Evidence("pytorch", f"meta.{key} has style='pytorch'", stated=True)
    if "caffe" in name.lower():
        return Evidence("caffe", f"the file is called {name}")
    return None


def style_of_stem(state: Mapping[str, Tensor]) -> Evidence | None:
    """Caffe if the statistics after the first convolution are those of undivided pixels."""
    prefix = "backbone."
    names = (f"{prefix}conv1.weight", *(f"{prefix}bn1.{part}" for part in _STATISTICS))
    if any(name not in state or state[name].is_meta for name in names):
        return None
    kernel, scale, mean, variance = (state[name].detach().double() for name in names)
    if kernel.ndim != 4 or not len(kernel) == len(scale) == len(mean) == len(variance):
        return None
    if not mean.any() and (variance == variance[0]).all() and not (scale == 1).all():
        return Evidence("caffe", "the statistics of its first layer were folded into scale, shift")
    if f"{prefix}conv1.weight_gamma" in state:
        return None  # the kernel in the file is not the one the statistics were made with
    norms = kernel.square().flatten(1).sum(1)
    used = norms > 0
    ratios = variance[used] / norms[used]
    if len(ratios) and (ratios > _LARGEST_RATIO).double().mean() > _ENOUGH:
        return Evidence("caffe", "the statistics of its first layer are of undivided pixels")
    return None


_STATISTICS: Final = ("weight", "running_mean", "running_var")
