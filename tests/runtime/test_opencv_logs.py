from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import cv2
import numpy as np
import pytest
from cv2.utils import logging

from relook.runtime.opencv_logs import no_opencv_logs

CUT_OFF = np.frombuffer(b"P5 9 9 255\n" + bytes(5), np.uint8)


def test_nothing_is_printed_within_the_block(capfd: pytest.CaptureFixture[str]) -> None:
    assert cv2.imdecode(CUT_OFF, cv2.IMREAD_COLOR) is None
    assert "ERROR" in capfd.readouterr().err
    with no_opencv_logs():
        assert cv2.imdecode(CUT_OFF, cv2.IMREAD_COLOR) is None
    assert capfd.readouterr() == ("", "")


def test_the_level_comes_back_when_the_last_thread_leaves() -> None:
    before = logging.getLogLevel()
    entered, left = Barrier(2), Barrier(2)

    def first() -> None:
        with no_opencv_logs():
            entered.wait()
        left.wait()

    def second() -> int:
        with no_opencv_logs():
            entered.wait()
            left.wait()
            return int(logging.getLogLevel())

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(first), pool.submit(second)
        one.result(10)
        assert other.result(10) == logging.LOG_LEVEL_SILENT
    assert logging.getLogLevel() == before


def test_the_level_comes_back_after_an_error() -> None:
    before = logging.getLogLevel()
    with pytest.raises(KeyError), no_opencv_logs():
        raise KeyError
    assert logging.getLogLevel() == before
