"""Configurations as values: closed, immutable, copied with changes, helpful about typos."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from relook.config.base import Config, assign, overlay, validated
from relook.errors import UsageError


class Wheel(Config):
    spokes: Annotated[int, Field(gt=0)] = 8
    tyre: Literal["road", "winter"] = "road"


class Bicycle(Config):
    kind: Literal["bicycle"] = "bicycle"
    saddle: float = 1.0
    wheels: tuple[Wheel, ...] = (Wheel(), Wheel())


class Car(Config):
    kind: Literal["car"] = "car"
    doors: int = 4
    wheels: tuple[Wheel, ...] = (Wheel(),) * 4
    spare: Wheel | None = None


class Garage(Config):
    name: str = "home"
    vehicle: Annotated[Bicycle | Car, Field(discriminator="kind")] = Bicycle()


CAR = Garage(vehicle=Car())


@pytest.mark.parametrize(
    ("base", "changes", "code", "message"),
    [
        (Garage(), {"nmae": "x"}, "U02", "unknown key nmae; did you mean 'name'"),
        (Garage(), {"name": 3}, "U03", "U03: name: .*got 3"),
        (CAR, {"vehicle": {"dors": 3}}, "U02", "unknown key vehicle.dors; did you mean 'doors'"),
        (CAR, {"vehicle": {"doors": "x"}}, "U03", "vehicle.doors: .*integer.*got 'x'"),
        (
            CAR,
            {"vehicle": {"spare": {"spoks": 3}}},
            "U02",
            "unknown key vehicle.spare.spoks; did you mean 'spokes'",
        ),
        (CAR, {"vehicle": {"spare": {"spokes": 0}}}, "U03", "vehicle.spare.spokes: .*got 0"),
        (
            Garage(),
            {"vehicle": {"wheels": [{}, {"tyer": "road"}]}},
            "U02",
            r"unknown key vehicle\.wheels\.1\.tyer; did you mean 'tyre'",
        ),
        (
            Garage(),
            {"vehicle": {"wheels": [{"tyre": "slick"}]}},
            "U03",
            r"vehicle\.wheels\.0\.tyre: .*'road' or 'winter', got 'slick'",
        ),
        (Garage(), {"vehicle": {"kind": "train"}}, "U03", "vehicle: .*'train'.*'bicycle', 'car'"),
        # Of the kind that was chosen, not of the one that it was.
        (Garage(), {"vehicle": {"kind": "car", "sadle": 2}}, "U02", "unknown key vehicle.sadle"),
        (CAR, {"vehicle": {"saddle": 2}}, "U02", "unknown key vehicle.saddle"),
    ],
)
def test_mistakes_are_named_by_their_path(
    base: Garage, changes: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        overlay(base, changes)
    assert caught.value.code == code


def test_only_keys_of_the_chosen_kind_are_proposed() -> None:
    with pytest.raises(UsageError) as caught:
        overlay(CAR, {"vehicle": {"saddel": 2}})
    assert "saddle" not in str(caught.value)


def test_an_overlay_changes_only_what_it_names() -> None:
    changed = overlay(CAR, {"vehicle": {"doors": 2}})
    assert changed == Garage(vehicle=Car(doors=2))
    assert changed.with_(vehicle__doors=4) == CAR == Garage(vehicle=Car())


def test_another_kind_starts_from_its_own_defaults() -> None:
    base = Garage(vehicle=Bicycle(wheels=(Wheel(spokes=3),)))
    assert overlay(base, {"vehicle": {"kind": "car", "doors": 2}}).vehicle == Car(doors=2)
    same = overlay(base, {"vehicle": {"kind": "bicycle", "saddle": 2.0}})
    assert same.vehicle == Bicycle(saddle=2.0, wheels=(Wheel(spokes=3),))
    back = overlay(overlay(base, {"vehicle": {"kind": "car"}}), {"vehicle": {"kind": "bicycle"}})
    assert back == Garage()


def test_a_part_is_replaced_by_a_whole_one_of_another_kind() -> None:
    assert Garage().with_(vehicle=Car(doors=3)).vehicle == Car(doors=3)
    assert CAR.with_(vehicle=Bicycle()) == Garage()


def test_optional_parts_switch_off_with_null_and_on_with_defaults() -> None:
    on = overlay(CAR, {"vehicle": {"spare": {"tyre": "winter"}}})
    assert on.vehicle == Car(spare=Wheel(tyre="winter"))
    assert overlay(on, {"vehicle": {"spare": None}}) == CAR


def test_configurations_are_immutable_and_round_trip_through_plain_data() -> None:
    for garage in (Garage(), CAR):
        assert validated(Garage, garage.model_dump(mode="json")) == garage
    with pytest.raises(ValidationError, match="frozen"):
        CAR.name = "x"  # type: ignore[misc]


def test_paths_are_assigned_into_nested_mappings() -> None:
    tree: dict[str, Any] = {}
    assign(tree, ["a", "b"], 1)
    assign(tree, ["a", "c"], 2)
    assert tree == {"a": {"b": 1, "c": 2}}
    with pytest.raises(UsageError, match=r"a\.b\.d: b has already been given a value"):
        assign(tree, ["a", "b", "d"], 3)
