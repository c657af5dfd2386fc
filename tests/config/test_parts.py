"""Names of users' parts, for pages, titles and columns."""

from __future__ import annotations

from relook.config.parts import NO_PARTS, Part, PartsConfig

OWN = PartsConfig(
    conv3x3=Part(target="mine.convs:Wide"),
    connector=Part(target="mine.parts:Squeeze", args={"ratio": 8, "kind": "a|b"}),
)


def test_parts_are_named_in_full_for_pages() -> None:
    assert OWN.words() == [
        "conv3x3: mine.convs:Wide() in stages 2, 3 and 4",
        "connector: mine.parts:Squeeze(ratio=8, kind='a|b')",
    ]
    assert NO_PARTS.words() == []


def test_a_model_is_named_with_its_parts() -> None:
    named = OWN.beside("htc-tiny")
    assert named == "htc-tiny with conv3x3 Wide, connector Squeeze(ratio=8, kind='a|b')"
    assert NO_PARTS.beside("htc-tiny") == "htc-tiny"
