"""Loading of the weights of one backbone into every look of a detector."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from ..errors import ModelError, first_few
from ..models.detector import Detector

_PLAIN: Final = re.compile(
    r"(conv1|bn1|layer\d\.\d+\.(conv[123]|bn[123]|downsample\.[01]))"
    r"\.(weight|bias|running_mean|running_var)"
)
_DERIVED: Final = ("weight_gamma", "weight_beta")  # set from the kernels while they are loaded
_COUNTER: Final = "num_batches_tracked"  # old files have none, and fixed statistics need none
_NAMED = 5  # tensors that an error lists by name


def fill_backbones(
    detector: Detector, state: Mapping[str, Tensor], source: str, advice: str
) -> list[tuple[str, ...]]:
    """Load the tensors `state` of a plain ResNet, under torchvision's names, into each backbone.

    Parts that a plain ResNet lacks (switches, contexts, offsets, feedback) keep their values. Scale
    and shift of standardised kernels are set so that the network computes the same as the plain
    one. Return the names of these parts for each backbone, after its number. `source` and `advice`
    are for the error.

    Raises:
        ModelError: M04 when a tensor is missing, has no place or another shape.
    """
    features: Any = detector.features
    kept_by_look = []
    for look, backbone in enumerate(features.backbones):
        expected = backbone.state_dict()
        _check_fit(source, state, expected, advice)
        backbone.load_state_dict(state, strict=False)
        kept_by_look.append(
            tuple(
                f"{look}.{key}"
                for key in expected
                if key not in state and not key.endswith((*_DERIVED, _COUNTER))
            )
        )
    return kept_by_look


def _check_fit(
    source: str, state: Mapping[str, Tensor], expected: Mapping[str, Tensor], advice: str
) -> None:
    missing = [key for key in expected if key not in state and _PLAIN.fullmatch(key)]
    unknown = [key for key in state if key not in expected and not key.endswith(_COUNTER)]
    wrong = [k for k in state if k in expected and state[k].shape != expected[k].shape]
    problems = [
        f"{len(keys)} {kind} ({first_few(keys, _NAMED)})"
        for keys, kind in ((missing, "missing"), (unknown, "unknown"), (wrong, "of another shape"))
        if keys
    ]
    if problems:
        raise ModelError(
            "M04", f"{source} do not fit this backbone: {'; '.join(problems)}. {advice}"
        )
