"""XML of annotation tools, read by expat without anything that a document type can declare.

Entities, external ones among them, and default attributes need a document type definition. A file
that has one is refused, so that no text grows and nothing outside of the file is opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ...errors import DataError
from .safe_files import read_bytes

_DEEPEST: Final = 60
_MOST: Final = 5_000_000  # elements


class _RefusedError(Exception):
    """Flaw of a document, as the end of a sentence."""


def read_xml(path: Path) -> Element:
    """The root element of an XML file.

    Raises:
        DataError: D01 if there is none, D03 if it is no XML, has a document type definition, or is
            larger or nested deeper than annotations are.
    """
    return xml_of(read_bytes(path), path.name)


def xml_of(data: bytes, label: str) -> Element:
    """The root element of the XML in `data`; raises D03 as `read_xml`."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    state = {"depth": 0, "elements": 0}

    def start(tag: str, attributes: dict[str, str]) -> None:
        state["depth"] += 1
        state["elements"] += 1
        if state["depth"] > _DEEPEST:
            raise _RefusedError(f"has elements nested more than {_DEEPEST} deep")
        if state["elements"] > _MOST:
            raise _RefusedError(f"has more than {_MOST:,} elements; export it in parts")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        state["depth"] -= 1
        builder.end(tag)

    def doctype(*_: Any) -> None:
        raise _RefusedError(
            "has a document type definition (<!DOCTYPE>), which annotations do not need and bombs "
            "are made of; remove it if you trust the file"
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
        return builder.close()
    except _RefusedError as error:
        raise DataError("D03", f"{label} {error}.") from None
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise DataError(
            "D03",
            f"{label}: line {error.lineno}, column {error.offset + 1}: {reason}. The file is not "
            "XML, or was cut off; export or copy it again.",
        ) from None
    except (ValueError, LookupError, AssertionError) as error:  # an encoding that is not known
        raise DataError("D03", f"{label} is not XML that can be read: {error}.") from None
