"""What is kept away from the plan, and that everything is as before afterwards."""

from __future__ import annotations

import logging
import warnings

import pytest
from lightning.fabric.utilities.warnings import PossibleUserWarning

from relook.training.quiet import quiet


def test_advice_is_silenced_and_other_warnings_are_not() -> None:
    with quiet():
        warnings.warn("use more workers", PossibleUserWarning, stacklevel=1)
        warnings.warn("Checkpoint directory a exists and is not empty", stacklevel=1)
        with pytest.raises(UserWarning, match="something else"):
            warnings.warn("something else", stacklevel=1)


def test_everything_is_as_before_also_after_an_error() -> None:
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level

    def fail() -> None:
        with quiet():
            assert logger.level == logging.ERROR
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert logger.level == level
    with pytest.raises(PossibleUserWarning):
        warnings.warn("use more workers", PossibleUserWarning, stacklevel=1)
