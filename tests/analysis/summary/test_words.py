"""The words about the parts of a model leave nothing out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from relook import preset
from relook.analysis.summary.words import in_words
from relook.config.base import fields_of, is_part
from relook.config.model import ModelConfig
from relook.config.parts import Part
from relook.errors import UsageError

BASES = (
    preset("cascade-r50-rfp"),
    preset("detectors-panoptic-tiny"),
    preset("dsc-r50").with_(cascade__guidance__clip_to_image=True),
    preset("mask-rcnn-r50-v2").with_(
        backbone__norm="group",
        backbone__weights=None,
        pyramid__norm__kind="group",
        cascade__box__norm__kind="group",
        cascade__mask_norm__kind="group",
    ),
)
VALUES = (
    True,
    False,
    None,
    {},
    1,
    2,
    3,
    7,
    8,
    16,
    2000,
    0.25,
    1.5,
    (1.5, 1.5, 1.5),
    (0,),
    (5, 95),
    ((0, 9),),
)


def test_every_field_is_on_the_page() -> None:
    """Whatever is changed about a model, the words about its parts change."""
    unsaid, said = set(), set()
    for one in BASES:
        base = one.with_(parts__conv3x3={"target": "a.b:C"})
        for path, hint, old in leaf_fields(base):
            changed = [*others(base, path, hint, old)]
            is_said = any(in_words(other) != in_words(base) for other in changed)
            (said if is_said else unsaid).add(path)
    assert len(said) > 90
    left_out = unsaid - said
    assert left_out == {"cascade__kind"}  # no change by itself


def leaf_fields(config: Any, *before: str) -> Iterator[tuple[str, Any, Any]]:
    """Path, type and value of every field that is no configuration or rule itself."""
    for name, hint in fields_of(type(config)).items():
        value, path = getattr(config, name), (*before, name)
        if is_part(value) and not isinstance(value, Part):
            yield from leaf_fields(value, *path)
        else:
            yield "__".join(path), hint, value


def others(base: ModelConfig, path: str, hint: Any, old: Any) -> Iterator[ModelConfig]:
    """`base` with other values in the field at `path`, as far as they make sense there."""
    values = [*VALUES, *literals(hint)]
    if isinstance(old, tuple):
        values = [(value, *old[1:]) for value in values]
        if is_part(old[0]):
            stage = replace(old[0], iou=0.4), *old[1:]
            values = [stage]
    if path.startswith("parts__"):
        values += [{"target": "a.b:D"}]
    for value in values:
        with contextlib.suppress(UsageError):
            changed = base.with_(**{path: value})
            if changed != base:
                yield changed


def literals(hint: Any) -> list[Any]:
    if get_origin(hint) is Literal:
        return [*get_args(hint)]
    return [value for part in get_args(hint) for value in literals(part)]


def test_chosen_channels_are_not_called_rgb() -> None:
    config = preset("htc-tiny")
    assert str(in_words(config)[0]).count("RGB, 0 to 255") == 1
    two = replace(config.input.reading, channels=(0, 1))
    chosen = config.with_(input__reading=two, input__mean=(9.0, 9.0), input__std=(1.0, 1.0))
    assert "2 channels, 0 to 255" in str(in_words(chosen)[0])
