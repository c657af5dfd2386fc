"""Which images a command line means."""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from relook.data.images import read_image
from relook.data.sources import cameras, finding
from relook.data.sources.finding import find_sources
from relook.data.sources.stored import ImageBytes
from relook.errors import DataError, UsageError


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(file, kind)
    return file.getvalue()


def packed(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def film(path: Path, frames: int = 5) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for _ in range(frames):
            pixels = np.zeros((16, 32, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "deep/er/c.tif", ".hidden/x.png", "._a.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def found(folder: Path, *sources: str, leave_out: Path | None = None) -> list[str]:
    images = find_sources([str(folder / s) for s in sources], leave_out).files
    return [image.relative_to(folder).as_posix() for image in images]


def test_files_folders_and_patterns(folder: Path) -> None:
    assert found(folder, "") == ["a.png", "b.JPG", "deep/er/c.tif"]
    assert found(folder, "notes.txt") == ["notes.txt"]  # asked for by name: tried
    assert found(folder, "**/*.tif", "*.png") == ["deep/er/c.tif", "a.png"]
    assert found(folder, "deep") == ["deep/er/c.tif"]


def test_every_image_once_in_the_order_asked_for(folder: Path) -> None:
    assert found(folder, "b.JPG", "", "*.png") == ["b.JPG", "a.png", "deep/er/c.tif"]


def test_results_are_left_out(folder: Path) -> None:
    assert found(folder, "", leave_out=folder / "deep") == ["a.png", "b.JPG"]
    assert found(folder, "deep/er/c.tif", leave_out=folder / "deep") == ["deep/er/c.tif"]


def test_a_file_whose_name_looks_like_a_pattern(folder: Path) -> None:
    (folder / "scan[1].png").write_bytes(b"x")
    assert found(folder, "scan[1].png") == ["scan[1].png"]


@pytest.mark.parametrize(
    ("source", "code", "hint"),
    [
        ("a.pgn", "D01", "did you mean 'a.png'"),
        ("gone/a.png", "D01", "no such file"),
        ("*.webp", "D01", "no file matches"),
        ("empty", "D11", "no images"),
    ],
)
def test_what_is_not_there(folder: Path, source: str, code: str, hint: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=hint) as caught:
        find_sources([str(folder / source)])
    assert caught.value.code == code


def test_a_folder_gives_what_can_be_opened_and_counts_the_rest(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.zeros((2, 2)))
    contents = {
        "a.avif": picture("AVIF"),
        "b.jfif": picture("JPEG"),
        "c.mpo": picture("MPO"),
        "d.lsm": picture("TIFF"),
        "e.svs": picture("TIFF"),
        "f.npy": array.getvalue(),
        "g": picture(),
        "h.dat": picture("BMP"),
        "i.heic": b"\0\0\0\x20ftypheic\0\0\0\0",
        "j.txt": b"a list",
        "k.txt": b"",
        "l": b"a list",
        "m.png": b"no image",  # the ending says that it is one: named when it is read
        "n.zip": packed(**{"a.png": picture()}),
        "o.pdf": b"%PDF-1.7",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    film(tmp_path / "p.mp4")
    found = find_sources([tmp_path])
    assert "".join(path.name[0] for path in found.files) == "abcdefghm"
    assert found.left_out == {
        ".txt": 2,
        ".heic": 1,
        "without ending": 1,
        ".zip": 1,
        ".pdf": 1,
        ".mp4": 1,
    }
    line = found.left_out_line()
    assert line is not None and line.startswith("left out: 2 .txt, ")
    assert found.unopened == 2 and "by name" in line


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"D01.*there is no such file or folder\.$"):
        find_sources(["x" * 5000])
    with pytest.raises(DataError, match=r"D01.*an empty text is no file or folder"):
        find_sources([""])
    (tmp_path / "b.png").write_bytes(picture())
    with pytest.raises(DataError, match=r"folder; did you mean 'b\.png'\?$"):
        find_sources([tmp_path / "bb.png"])


def test_a_folder_without_images_says_what_is_in_it(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.json"):
        (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match=r"D11: .*, but 3 other files \(2 \.txt, 1 \.json\)\.$"):
        find_sources([tmp_path])


def test_archives_and_videos_are_opened_when_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "scans.zip").write_bytes(
        packed(**{"b.png": picture(), "a.png": picture(), "notes.txt": b"x"})
    )
    film(tmp_path / "film.mp4")
    (tmp_path / "z.png").write_bytes(picture())
    with find_sources([str(tmp_path / "*"), tmp_path / "scans.zip"], every=2) as found:
        names = [str(image).removeprefix(f"{tmp_path}/") for image in found.images]
        assert names == [
            *(f"film.mp4#00000{n}" for n in (0, 2, 4)),
            "scans.zip/b.png",
            "scans.zip/a.png",
            "z.png",
        ]
        assert found.left_out == {".txt": 1}
        copies = pickle.loads(pickle.dumps(found))
        with copies:
            shapes = [read_image(image).shape[:2] for image in copies.images]
        assert shapes == [(16, 32)] * 3 + [(6, 8)] * 3
    assert len(find_sources([tmp_path / "film.mp4"], frames=4).images) == 4


def test_an_archive_without_images(tmp_path: Path) -> None:
    (tmp_path / "text.docx").write_bytes(packed(**{"word/document.xml": b"<?xml?>"}))
    with pytest.raises(
        DataError, match=r"D11: .*docx: the archive has no images, but 1 other file"
    ):
        find_sources([tmp_path / "text.docx"])


def test_arrays_that_numpy_packed(tmp_path: Path) -> None:
    np.savez(tmp_path / "stack.npz", a=np.zeros((2, 2)), b=np.ones((2, 2)))
    images = find_sources([tmp_path / "stack.npz"]).images
    assert [str(image)[-5:] for image in images] == ["a.npy", "b.npy"]


def test_addresses(web: Any, tmp_path: Path) -> None:
    web.files["scans.zip"] = packed(**{"a.png": picture()})
    web.files["film.mp4"] = film(tmp_path / "film.mp4")
    sources = [f"{web.url}/{name}" for name in ("a.png", "scans.zip", "film.mp4", "a.png")]
    with find_sources(sources, frames=2) as found:
        names = [str(image).removeprefix(f"{web.url}/") for image in found.images]
    assert names == ["a.png", "scans.zip/a.png", "film.mp4#000000", "film.mp4#000001"]
    assert [path for path, _ in web.requests] == ["/scans.zip", "/film.mp4"]  # a.png: later
    for source in ("ftp://a.example/b.png", "s3://bucket/b.png"):
        with pytest.raises(UsageError, match=r"U03"):
            find_sources([source])


class Input(io.TextIOWrapper):
    """Standard input that is, or is not, a terminal."""

    def __init__(self, content: bytes, is_terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content))
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    contents = {
        picture(): ["stdin"],
        b"no image": ["stdin"],  # named when it is read
        packed(**{"a.png": picture()}): ["stdin/a.png"],
        film(tmp_path / "a.mp4", 2): ["stdin#000000", "stdin#000001"],
    }
    for content, names in contents.items():
        monkeypatch.setattr(sys, "stdin", Input(content))
        with find_sources(["-", "-"]) as found:
            assert [str(image) for image in found.images] == names


def test_nothing_in_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Input(b"x", is_terminal=True))
    with pytest.raises(UsageError, match=r"U04: - is standard input"):
        find_sources(["-"])
    monkeypatch.setattr(sys, "stdin", Input(b""))
    with pytest.raises(DataError, match=r"D02: standard input is empty"):
        find_sources(["-"])
    monkeypatch.setattr(finding, "MOST_BYTES", 10)
    monkeypatch.setattr(sys, "stdin", Input(bytes(11)))
    with pytest.raises(DataError, match=r"D02: standard input has more"):
        find_sources(["-"])


class OpenCamera:
    """A capture that is open, and knows whether it was closed."""

    closed: list[int] = []

    def __init__(self, number: int) -> None:
        self.number = number

    def isOpened(self) -> bool:
        return True

    def release(self) -> None:
        self.closed.append(self.number)


def test_cameras_have_an_end_and_are_given_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cameras.cv2, "VideoCapture", OpenCamera)
    monkeypatch.setattr(OpenCamera, "closed", [])
    with pytest.raises(UsageError, match=r"U04: camera:0 has no end. Say how many frames"):
        find_sources(["camera:0"])
    with find_sources(["camera:0", "camera:0"], every=2, frames=3) as found:
        assert found.is_live
        assert [str(image) for image in found.images] == [f"camera:0#00000{n}" for n in (0, 2, 4)]
    assert OpenCamera.closed == [0]
    with pytest.raises(DataError, match=r"D01"):
        find_sources(["camera:0", str(folder / "gone.png")], frames=3)
    assert OpenCamera.closed == [0, 0]


def test_numbers_of_frames_that_make_no_sense(folder: Path) -> None:
    for changes in ({"every": 2}, {"frames": 3}):
        with pytest.raises(UsageError, match=r"U04: --every and --frames"):
            find_sources([folder], **changes)  # type: ignore[arg-type]
    for changes in ({"every": 0}, {"frames": 0}):
        with pytest.raises(UsageError, match=r"U03"):
            find_sources([folder], **changes)  # type: ignore[arg-type]


def test_images_of_a_program() -> None:
    image = ImageBytes("slice 7", picture())
    assert find_sources([image, image]).images == [image]


@pytest.mark.parametrize(
    ("sources", "root"),
    [
        (["."], "."),
        (["a", "b"], "."),
        (["a"], "a"),
        (["a/x.png"], "a"),
        (["a/x.png", "b/deep"], "."),
        (["b/deep/x.png", "b"], "b"),
        (["*/x.png"], "."),
        (["b/**/*.png"], "b"),
        (["scans.zip"], None),
        (["scans.zip", "a"], "a"),
    ],
)
def test_the_root_is_the_folder_that_holds_all_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: list[str], root: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b", "b/deep"):
        Path(folder).mkdir()
        Image.new("RGB", (4, 4)).save(Path(folder) / "x.png")
    with zipfile.ZipFile("scans.zip", "w") as archive:
        archive.write("a/x.png", "in/x.png")
    found = find_sources(sources)
    assert found.root == (None if root is None else (tmp_path / root).resolve())
    found.close()
