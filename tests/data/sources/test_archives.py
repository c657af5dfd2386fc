"""ZIP archives, also such as are made to do harm."""

from __future__ import annotations

import contextlib
import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from relook.data.images import read_image
from relook.data.sources import archives
from relook.data.sources.archives import Archive, Member
from relook.errors import DataError

SUFFIXES = frozenset({".png", ".tif"})


def png(grey: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((6, 8), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


def packed(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_members_in_their_order(tmp_path: Path) -> None:
    members = {"b.png": png(1), "deep/a.PNG": png(2), "image": png(3), "notes.txt": b"x", "c": b"?"}
    members |= {".hidden/d.png": png(4), "__MACOSX/._b.png": b"x", "deep/.e.png": png(5)}
    path = tmp_path / "scans.zip"
    path.write_bytes(packed(**members, **{"more.zip": packed(**{"f.png": png(6)})}))
    archive = Archive("scans.zip", path)
    images, left_out = archive.images(SUFFIXES)
    assert [image.name for image in images] == [
        "scans.zip/b.png",
        "scans.zip/deep/a.PNG",
        "scans.zip/image",
    ]
    assert left_out == {".txt": 1, "without ending": 1, ".zip": 1}
    assert [int(read_image(image)[0, 0, 0]) for image in reversed(images)] == [3, 2, 1]
    assert [image.stem for image in images] == ["b", "a", "image"]
    archive.close()
    copies = pickle.loads(pickle.dumps(images))
    assert copies[0].archive is copies[1].archive
    assert [image.load() for image in copies] == [png(1), png(2), png(3)]
    copies[0].archive.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scans.zip"]


def test_a_stamp_is_of_the_member() -> None:
    before, _ = Archive("a.zip", packed(**{"a.png": png(1), "b.png": png(2)})).images(SUFFIXES)
    after, _ = Archive("a.zip", packed(**{"a.png": png(1), "b.png": png(3)})).images(SUFFIXES)
    assert before[0].stamp() == after[0].stamp()
    assert before[1].stamp() != after[1].stamp()


def test_names_that_stand_twice_and_names_that_do_harm() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for grey, name in enumerate(("../../a.png", "a\x1b[31m.png", "c.png")):
            archive.writestr(name, png(grey))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("c.png", png(3))
        archive.writestr("c.png (2)", png(4))
    images, _ = Archive("a.zip", file.getvalue()).images(SUFFIXES)
    names = ["a.zip/../../a.png", "a.zip/a\\x1b[31m.png", "a.zip/c.png", "a.zip/c.png (2)"]
    assert [image.name for image in images] == [*names, "a.zip/c.png (2) (2)"]
    assert [image.load() for image in images[3:]] == [png(3), png(4)]


def test_encrypted_members_are_named() -> None:
    content = bytearray(packed(**{"a.png": png(1), "b": png(2)}))
    for mark, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            content[start + offset] |= 1
            start += 4
    images, left_out = Archive("a.zip", bytes(content)).images(SUFFIXES)
    assert left_out == {"without ending": 1}
    with pytest.raises(DataError, match=r"D02: a\.zip/a\.png is encrypted"):
        images[0].load()


def test_damaged_archives_and_members_are_named() -> None:
    whole = packed(**{"a.png": png(1), "b.png": png(2)})
    for content in (whole[:-30], b"PK\3\4" + bytes(40), whole[:4]):
        with pytest.raises(DataError, match=r"D02: a\.zip is a ZIP archive that cannot be read"):
            Archive("a.zip", content).images(SUFFIXES)
    broken = bytearray(whole)
    broken[45:50] = b"\xff" * 5  # in the first member
    first, second = Archive("a.zip", bytes(broken)).images(SUFFIXES)[0]
    with pytest.raises(DataError, match=r"D02: a\.zip/a\.png cannot be unpacked"):
        first.load()
    assert second.load() == png(2)


def test_unknown_ways_to_pack_are_named() -> None:
    content = bytearray(packed(**{"a.png": png(1)}))
    for mark, offset in ((b"PK\1\2", 10), (b"PK\3\4", 8)):
        struct.pack_into("<H", content, content.find(mark) + offset, 97)
    (image,) = Archive("a.zip", bytes(content)).images(SUFFIXES)[0]
    with pytest.raises(DataError, match=r"D02: a\.zip/a\.png cannot be unpacked"):
        image.load()


def test_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE", 10_000)
    bomb = packed(**{"a.png": bytes(2_000_000), "b.png": png(1)})
    with pytest.raises(DataError, match=r"D02: a\.zip: its images would grow from .* unpack it"):
        Archive("a.zip", bomb).images(SUFFIXES)
    noise = np.random.default_rng(0).bytes(9000)  # hides it in an archive that is believable
    bomb = packed(**{"a.png": bytes(2_000_000), "b.png": png(1), "c.png": noise})
    images, _ = Archive("a.zip", bomb).images(SUFFIXES)
    unpacked: list[str] = []
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda _, info: unpacked.append(info.filename))
    with pytest.raises(DataError, match=r"D02: a\.zip/a\.png would grow from .* to 2,000,000"):
        images[0].load()
    monkeypatch.setattr(archives, "MOST_BYTES", 1_000_000)
    with pytest.raises(DataError, match=r"D02: a\.zip/a\.png has 2 MiB"):
        images[0].load()
    images[1].load()
    assert unpacked == ["b.png"]


def test_a_lying_size_takes_no_memory() -> None:
    """What is unpacked is never more than the directory says."""
    content = bytearray(packed(**{"a.png": bytes(5_000_000)}))
    struct.pack_into("<I", content, content.find(b"PK\1\2") + 24, 100)
    (image,) = Archive("a.zip", bytes(content)).images(SUFFIXES)[0]
    with pytest.raises(DataError, match="cannot be unpacked"):
        image.load()


@given(st.data())
def test_any_damage_is_told(data: st.DataObject) -> None:
    content = bytearray(packed(**{"a.png": b"a", "b": b"b", "c/": b""}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        for image in Archive("a.zip", bytes(content)).images(SUFFIXES)[0]:
            with contextlib.suppress(DataError):
                image.load()


def test_an_archive_that_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(packed(**{"a.png": png(1), "b.png": png(2)}))
    archive = Archive("a.zip", path)
    images, _ = archive.images(SUFFIXES)
    archive.close()
    path.write_bytes(packed(**{"a.png": png(1)}))
    with pytest.raises(DataError, match=r"D02: a.zip is a ZIP archive that cannot be read: it has"):
        images[1].load()
    archive.close()
    path.write_bytes(packed(**{"b.png": png(7), "a.png": png(1)}))
    with pytest.raises(DataError, match="it has changed"):
        images[0].load()
    archive.close()


@pytest.mark.parametrize(
    ("member", "folders"),
    [
        ("x.png", ()),
        ("a/b/x.png", ("a", "b")),
        ("../../etc/x.png", ("etc",)),
        ("/deep/x.png", ("deep",)),
        ("a:b/x.png", ("a_b",)),
        ("/".join(["d"] * 20) + "/x.png", ("d",) * 8),
    ],
)
def test_results_go_into_folders_as_inside_of_the_archive(
    member: str, folders: tuple[str, ...]
) -> None:
    stored = Member(Archive("scans.zip", b""), 0, f"scans.zip/{member}", 1, 1)
    assert stored.folders == folders
