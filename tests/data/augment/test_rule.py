"""How the augmentation of a recipe is told, and which of it is refused."""

from __future__ import annotations

import dataclasses

import pytest

from relook.data.augment.rule import Augment
from relook.training.recipe import Recipe


def test_augmentations_that_are_on_are_named() -> None:
    assert Augment(flip=0).words() == "none"
    assert Augment().words() == "mirrored left and right 50%"
    every = Augment(
        vertical_flip=0.25,
        quarter_turns=True,
        colour=0.2,
        grey=0.1,
        blur=1.5,
        noise=8,
        copy_paste=0.5,
        paste_share=(0.0, 0.3),
        paste_blend=1,
    )
    assert every.words() == (
        "mirrored left and right 50%, up and down 25%, quarter turns, colour 0.2, grey 10%, blur "
        "up to 1.5 pixels, noise up to 8 grey levels, copy-paste 50% (0% to 30% of another image's "
        "objects, edges soft by 1 pixels)"
    )


def test_sizes_are_told() -> None:
    assert Augment().size_words() == "the same"
    sizes = Augment(size=((1333, 640), (1333, 800)))
    assert sizes.size_words() == "short side 640 to 800, long side at most 1333"
    crop = Augment(crop=(256, 384), scale_jitter=(0.5, 2.0))
    assert crop.size_words() == "windows of 256 x 384 of images enlarged 0.5 to 2 times"


def test_every_field_is_told() -> None:
    """Whatever is changed, the words change."""
    base = Augment(copy_paste=0.5)
    others = {
        "size": ((9, 9), (9, 9)),
        "scale_jitter": (1.0, 2.0),
        "crop": (9, 9),
        "paste_share": (0.5, 0.6),
        "quarter_turns": True,
    }
    for field in dataclasses.fields(Augment):
        changes = {field.name: others.get(field.name, 0.25)}
        if field.name in ("crop", "scale_jitter"):
            changes = {name: others[name] for name in ("crop", "scale_jitter")}
        other = dataclasses.replace(base, **changes)
        told = (other.words(), other.size_words())
        assert told != (base.words(), base.size_words()), field.name


def test_the_recipe_checks_an_object_as_it_checks_its_values() -> None:
    assert Recipe(augment=Augment(flip=1)).augment.flip == 1.0
    with pytest.raises(ValueError, match=r"augment\.blur"):
        Recipe(augment=Augment(blur=101))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Augment(), "flips and turns are on, images are mirrored left and right."),
        (
            Augment(vertical_flip=0.5, quarter_turns=True),
            "mirrored left and right, mirrored up and down and turned by quarters.",
        ),
        (Augment(flip=0, quarter_turns=True), "images are turned by quarters."),
        (Augment(flip=0), "images keep their orientation: no flips, no turns"),
    ],
)
def test_flips_and_turns_are_said_with_what_switches_them_off(rule: Augment, words: str) -> None:
    text = rule.turn_words()
    assert words in text
    assert ("--keep-upright" in text) == ("are on" in text)
