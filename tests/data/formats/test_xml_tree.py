"""XML without entities, and with limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.formats import xml_tree
from relook.data.formats.xml_tree import read_xml, xml_of
from relook.errors import DataError

BOMB = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;"><!ENTITY z "&y;&y;&y;&y;">]>
<a>&z;</a>"""
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


def test_elements_texts_and_attributes(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text('<?xml version="1.0" encoding="utf-8"?><a k="v&amp;w"><b>x &lt; y</b></a>')
    root = read_xml(path)
    assert (root.tag, root.get("k"), root.findtext("b")) == ("a", "v&w", "x < y")
    utf16 = '<?xml version="1.0" encoding="utf-16"?><a>ä</a>'.encode("utf-16")
    assert xml_of(utf16, "a").text == "ä"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "document type definition"),
        (OUTSIDE, "document type definition"),
        ("<!DOCTYPE a SYSTEM 'http://host/a.dtd'><a/>", "document type definition"),
        ("<a>&x;</a>", "undefined entity"),
        ("<a>" * 100, "nested more than 60 deep"),
        ("<a><b></a>", "mismatched tag"),
        ("<a>", "no element found"),
        ("words", "syntax error"),
        ('<?xml version="1.0" encoding="none"?><a/>', "unknown encoding"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        xml_of(text.encode(), "a.xml")
    assert caught.value.code == "D03"


def test_more_elements_than_annotations_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_tree, "_MOST", 10)
    with pytest.raises(DataError, match="more than 10 elements"):
        xml_of(b"<a>" + b"<b/>" * 10 + b"</a>", "a.xml")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 40))
def test_any_bytes_end_in_an_element_or_an_error(data: bytes, place: int) -> None:
    whole = b'<a k="v"><b>text</b><c x="1"/></a>'
    for content in (data, whole[:place] + data + whole[place:]):
        try:
            assert xml_of(content, "a.xml").tag is not None
        except DataError as error:
            assert error.code == "D03"  # noqa: PT017
