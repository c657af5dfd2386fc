import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from relook.ops.rle import areas, decode_counts, decode_window, encode_window

masks = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=24))


def reference(mask):
    code = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": code["counts"].decode()}


@given(masks)
def test_coding_a_whole_mask_gives_the_code_of_pycocotools(mask):
    assert encode_window(mask, 0, 0, mask.shape) == reference(mask)


@given(masks, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_a_window_is_coded_like_the_mask_it_lies_in(window, left, top, right, bottom):
    mask = np.pad(window, ((top, bottom), (left, right)))
    rle = encode_window(window, left, top, mask.shape)
    assert rle == reference(mask)
    assert json.loads(json.dumps(rle)) == rle


@pytest.mark.parametrize("count", [0, 1, 255, 256, 700])
def test_areas_of_any_number_of_masks(count):
    found = [np.arange(12).reshape(3, 4) < number % 13 for number in range(count)]
    assert areas([reference(mask) for mask in found]).tolist() == [int(m.sum()) for m in found]


@given(masks)
def test_a_decoded_window_holds_the_whole_object_and_no_empty_border(mask):
    window, left, top = decode_window(reference(mask))
    pasted = np.zeros_like(mask)
    pasted[top : top + window.shape[0], left : left + window.shape[1]] = window
    assert (pasted == mask).all()
    if mask.any():
        assert window[0].any() and window[-1].any() and window[:, 0].any() and window[:, -1].any()
    else:
        assert window.size == 0


def test_a_long_run_is_decoded():
    mask = np.zeros((3000, 2000), dtype=bool)
    mask[1500:2500, 1000] = mask[:, 1999] = True
    window, left, top = decode_window(reference(mask))
    assert (left, top) == (1000, 0)
    assert (window == mask[:, 1000:]).all()


def compressed(value: int) -> str:
    """One number as COCO compresses it, written out by the rule."""
    text = ""
    while True:
        digit, value = value & 31, value >> 5
        is_last = value == (-1 if digit & 16 else 0)
        text += chr((digit if is_last else digit | 32) + 48)
        if is_last:
            return text


@pytest.mark.parametrize(
    "value", [0, 1, 15, 16, 31, 32, 33, 64, 512, 1024, 2**30, 2**33, 2**34 - 1]
)
def test_a_number_of_any_length(value: int) -> None:
    """Digits of 32, which are zeros with another digit behind them, too."""
    assert decode_counts(compressed(value)).tolist() == [value]


def test_a_number_of_eight_digits_is_longer_than_any_image() -> None:
    assert len(compressed(2**34 - 1)) == 7 and len(compressed(2**34)) == 8
    with pytest.raises(ValueError, match="longer than any image"):
        decode_counts(compressed(2**34))
