"""Bounds hold wherever a rule enters a configuration, whichever way it is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from annotated_types import BaseMetadata, Ge, Gt, Le, Lt
from hypothesis import given
from hypothesis import strategies as st

from relook.config.base import Config, overlay, validated
from relook.config.cascades import DSCConfig, HTCConfig
from relook.config.model import ModelConfig, RPNConfig
from relook.errors import UsageError
from relook.structures.rules.cascade import HybridRule, SampleRule, SelectRule, StageRule
from relook.structures.rules.guidance import GuidanceRule, IterationRule, RowRule
from relook.structures.rules.pixels import FuseRule, SemanticRule, StuffRule
from relook.structures.rules.proposals import AnchorRule, ProposalRule

HOLDERS: dict[type, tuple[Config, str]] = {
    AnchorRule: (RPNConfig(), "anchors"),
    ProposalRule: (RPNConfig(), "train"),
    HybridRule: (HTCConfig(), "hybrid"),
    SampleRule: (HTCConfig(), "sample"),
    SelectRule: (DSCConfig(), "select"),
    GuidanceRule: (DSCConfig(), "guidance"),
    RowRule: (DSCConfig(), "rows"),
    SemanticRule: (ModelConfig(), "semantic"),
    StuffRule: (ModelConfig(), "stuff"),
}
"""Where each rule stands; those of stages stand in lists, and `FuseRule` in `SemanticRule`."""


def bounded() -> Iterator[tuple[type, str, BaseMetadata]]:
    """Every bound of every field."""
    for rule in HOLDERS:
        hints = get_type_hints(rule, include_extras=True)
        for field in dataclasses.fields(rule):
            for bound in _bounds(hints[field.name]):
                yield rule, field.name, bound


def _bounds(hint: Any) -> list[BaseMetadata]:
    """Of a number, not of the numbers in a tuple."""
    if get_origin(hint) is Annotated:
        return [one for one in get_args(hint)[1:] if isinstance(one, Gt | Ge | Lt | Le)]
    return []


BOUNDED = [*bounded()]


def test_there_are_bounds() -> None:
    assert len(BOUNDED) > 25
    everything = [ProposalRule, AnchorRule, SampleRule, SelectRule, RowRule, StuffRule]
    assert set(everything) <= {rule for rule, _, _ in BOUNDED}


@pytest.mark.parametrize(("rule", "name", "bound"), BOUNDED)
def test_what_is_out_of_bounds_is_refused_by_its_path(
    rule: type, name: str, bound: BaseMetadata
) -> None:
    wrong = {
        Gt: lambda b: b.gt,
        Ge: lambda b: b.ge - 1,
        Lt: lambda b: b.lt,
        Le: lambda b: b.le + 1,
    }[type(bound)](bound)
    holder, place = HOLDERS[rule]
    with pytest.raises(UsageError, match=rf"^usage error U03: {place}\.{name}: .*got {wrong}"):
        overlay(holder, {place: {name: wrong}})
    with pytest.raises(ValueError, match=name):
        type(holder)(**{place: {name: wrong}})


@given(st.integers(max_value=0))
def test_an_object_out_of_bounds_is_refused_as_its_values_are(count: int) -> None:
    """A dataclass does not check itself; the configuration does."""
    with pytest.raises(ValueError, match="greater than 0"):
        RPNConfig(train=ProposalRule(candidates=count))
    with pytest.raises(UsageError, match=r"U03: cascade\.sample\.per_image"):
        ModelConfig().with_(cascade__sample=SampleRule(per_image=count))


@given(st.floats().filter(lambda x: not 0 <= x <= 1))
def test_no_share_is_outside_of_0_to_1(share: float) -> None:
    for rule, name, bound in BOUNDED:
        if isinstance(bound, Le) and bound.le == 1:
            holder, place = HOLDERS[rule]
            with pytest.raises(UsageError, match=rf"U03: {place}\.{name}"):
                overlay(holder, {place: {name: share}})


@given(
    st.builds(
        ProposalRule,
        candidates=st.integers(1, 10**6),
        proposals=st.integers(1, 10**6),
        nms_iou=st.floats(0, 1),
        min_bbox_size=st.floats(0, 1e6),
        min_bbox_size_rule=st.sampled_from(["above", "from"]),
    ),
    st.builds(
        IterationRule,
        iou=st.floats(0, 1),
        std=st.tuples(*[st.floats(0.01, 1)] * 4),
        box_weight=st.floats(0, 9),
    ),
)
def test_plain_data_and_back_gives_the_same(rule: ProposalRule, stage: IterationRule) -> None:
    config = ModelConfig(rpn=RPNConfig(test=rule), cascade=DSCConfig(stages=(stage,)))
    assert config.rpn.test == rule and config.cascade.stages == (stage,)
    assert validated(ModelConfig, config.model_dump(mode="json")) == config
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("rule", [*HOLDERS, FuseRule, StageRule, IterationRule])
def test_rules_cannot_be_changed(rule: type) -> None:
    needed = {"iou": 0.5, "std": (1.0,) * 4, "loss_weight": 1.0}
    hints = get_type_hints(rule)
    required = [f.name for f in dataclasses.fields(rule) if f.default is dataclasses.MISSING]
    one = rule(**{name: needed[name] for name in required})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, next(iter(hints)), None)
    assert not hasattr(one, "__dict__") and hash(one) == hash(dataclasses.replace(one))
