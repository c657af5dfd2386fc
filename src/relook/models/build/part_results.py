"""Results of users' parts, compared at every call with what is due at their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from torch import Tensor, nn

from ...errors import ModelError
from ..cascades.steps import STRIDES

Due = str | None  # what was due, in words; None where the result is right
Check = Callable[[Any, Any, Any], Due]  # arguments of the factory, of the call, and the result


def check_results(part: Any, place: str, target: str, arguments: tuple[Any, ...]) -> Any:
    """`part`, whose results are compared with what is due at `place` from now on.

    A wrong result is M08, with the name of the part, what it gave and what was due. Only shapes are
    looked at, so that this costs nothing to speak of.
    """
    check = _CHECKS.get(place)
    if check is None:
        return part
    compare = partial(_compare, check, place, target, arguments)
    if isinstance(part, nn.Module):
        part.register_forward_hook(partial(_heard, compare))
        return part
    return partial(_called, part, compare)


def _heard(compare: Callable[[Any, Any], None], _: nn.Module, given: Any, result: Any) -> None:
    compare(given, result)


def _called(part: Callable[..., Any], compare: Callable[[Any, Any], None], *given: Any) -> Any:
    result = part(*given)
    compare(given, result)
    return result


def _compare(
    check: Check, place: str, target: str, arguments: tuple[Any, ...], given: Any, result: Any
) -> None:
    due = check(arguments, given, result)
    if due is not None:
        raise ModelError(
            "M08",
            f"parts.{place}: {target} gave {_told(result)}; {due} was due. Change what it gives; "
            "docs/parts.md has the shapes of each place.",
        )


def _conv(arguments: Any, given: Any, result: Any) -> Due:
    stride = arguments[1]
    b, c, height, width = given[0].shape
    return _map(result, (b, c, -(-height // stride), -(-width // stride)))


def _connector(_: Any, given: Any, result: Any) -> Due:
    return _map(result, tuple(given[0].shape))


def _neck(arguments: Any, given: Any, result: Any) -> Due:
    maps, channels = given[0], arguments[1]
    # Whether a fifth level of an odd side is rounded up or down is the neck's own matter.
    sizes = [*(tuple(one.shape[2:]) for one in maps), (None, None)]
    return _maps(result, [(maps[0].shape[0], channels, *size) for size in sizes])


def _backbone(_: Any, given: Any, result: Any) -> Due:
    if not _is_list(result) or len(result) != len(STRIDES):
        return f"a list of {len(STRIDES)} maps of strides 4 to 32"
    b, _c, height, width = given[0].shape
    shapes = [(b, None, -(-height // s), -(-width // s)) for s in STRIDES]
    return _maps(result, shapes)


def _box_head(arguments: Any, given: Any, result: Any) -> Due:
    rois, classes = given[0].shape[0], arguments[1]
    if _is_list(result) and len(result) == 2:
        logits, deltas = result
        if _fits(logits, (rois, classes + 1)) and (
            _fits(deltas, (rois, 4)) or _fits(deltas, (rois, 4 * classes))
        ):
            return None
    return f"class logits {_shape((rois, classes + 1))} and deltas {_shape((rois, 4))}"


def _extractor(_: Any, given: Any, result: Any) -> Due:
    pyramid, _context, rois, side = given
    return _map(result, (rois.boxes.shape[0], pyramid[0].shape[1], side, side))


def _map(result: Any, shape: Sequence[int | None]) -> Due:
    return None if _fits(result, shape) else f"a map {_shape(shape)}"


def _maps(result: Any, shapes: Sequence[Sequence[int | None]]) -> Due:
    is_right = _is_list(result) and len(result) == len(shapes)
    if is_right and all(_fits(one, shape) for one, shape in zip(result, shapes, strict=True)):
        return None
    return f"a list of {len(shapes)} maps {', '.join(map(_shape, shapes))}"


def _fits(value: Any, shape: Sequence[int | None]) -> bool:
    return (
        isinstance(value, Tensor)
        and value.dim() == len(shape)
        and all(due is None or due == side for side, due in zip(value.shape, shape, strict=True))
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _told(result: Any) -> str:
    """The result of a part, in few words."""
    if isinstance(result, Tensor):
        return f"a tensor {_shape(result.shape)}"
    if _is_list(result):
        inner = ", ".join(map(_told, result[:6]))
        return f"{len(result)} values ({inner}{', ...' if len(result) > 6 else ''})"
    return f"a {type(result).__name__}"


def _shape(sides: Sequence[int | None]) -> str:
    return "(" + ", ".join("any" if side is None else str(int(side)) for side in sides) + ")"


_CHECKS: Final[dict[str, Check]] = {
    "conv3x3": _conv,
    "connector": _connector,
    "neck": _neck,
    "backbone": _backbone,
    "box_head": _box_head,
    "roi_extractor": _extractor,
}
