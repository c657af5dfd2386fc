"""Python text that makes a configuration; that it does is tested on `Description`."""

from __future__ import annotations

from changed import CHANGED

from relook import preset
from relook.analysis.summary.differences import changes
from relook.analysis.summary.python_text import changed_preset, constructed


def test_the_preset_and_what_is_changed() -> None:
    base, config = preset("detectors-htc-r50"), CHANGED["off"]
    assert changed_preset("detectors-htc-r50", changes(base, config)) == (
        "from relook import preset\n\n"
        'config = preset("detectors-htc-r50").with_(backbone__sac__rate=5, semantic=None)\n'
    )


def test_constructors_are_imported_and_lines_are_short() -> None:
    text = constructed(CHANGED["text"])
    assert "from relook.config.parts import Part, PartsConfig\n" in text
    assert '        fusion=Part(target="a.b:D"),\n' in text
    assert max(len(line) for line in text.splitlines()) <= 100
