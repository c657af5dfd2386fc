"""Fields of a model on a command line."""

from __future__ import annotations

import pytest

from relook.config.assignments import model_changes
from relook.errors import UsageError


def test_keys_become_a_tree_and_values_are_yaml() -> None:
    texts = ["cascade.select.nms_iou=0.3", "model.cascade.masks=false", "input.size=[800, 600]"]
    assert model_changes(texts) == {
        "cascade": {"select": {"nms_iou": 0.3}, "masks": False},
        "input": {"size": [800, 600]},
    }


@pytest.mark.parametrize("text", ["a", "=1", "a..b=1", "model=1", "a=[", "a.b"])
def test_what_is_no_assignment(text: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        model_changes([text])
