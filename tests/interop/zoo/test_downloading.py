"""Downloads over connections that break, lie and refuse."""

from __future__ import annotations

import errno
import hashlib
import io
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from relook.errors import ModelError, RelookError, UsageError
from relook.interop.zoo import downloading
from relook.interop.zoo.downloading import Download, check_hash, download, progress_lines, sha256_of

CONTENT = random.Random(0).randbytes(3_000_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = f"model-{DIGEST[:8]}.pth"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "checkpoints" / NAME


@pytest.fixture
def site(web: Any) -> Any:
    web.files[NAME] = CONTENT
    return web


def get(site: Any, path: Path, **options: Any) -> Download:
    return download(f"{site.url}/zoo/{NAME}", path, hash_prefix=DIGEST[:8], **options)


def refused(site: Any, path: Path, **options: Any) -> str:
    with pytest.raises(ModelError, match="M06") as caught:
        get(site, path, **options)
    assert not path.exists()
    return str(caught.value)


def test_a_file_arrives_whole_and_once(site: Any, path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    result = get(site, path, progress=lambda done, total: seen.append((done, total)))
    assert result == Download(path, DIGEST, len(CONTENT), len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == [NAME]
    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert get(site, path).received == 0
    assert len(site.requests) == 1


def test_a_file_that_is_there_needs_no_network(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: Any, **__: Any) -> None:
        raise AssertionError("no connection should be made")

    monkeypatch.setattr(socket, "socket", unwanted)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    result = download("https://nowhere.invalid/x", path, hash_prefix=DIGEST[:8])
    assert result == Download(path, DIGEST, len(CONTENT), 0)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match=r"M06.*damaged.*Delete it"):
        download("https://nowhere.invalid/x", path, hash_prefix=DIGEST[:8])


def test_a_cut_connection_is_continued(site: Any, path: Path) -> None:
    site.cuts += [1_200_000, 700_000]
    assert get(site, path).received == len(CONTENT)
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.requests] == [None, "bytes=1200000-", "bytes=1900000-"]


def test_a_download_is_continued_by_a_later_call(site: Any, path: Path) -> None:
    site.cuts += [500_000, 0, 0, 0]
    message = refused(site, path)
    assert "the connection broke after 500,000 of 3,000,000 bytes, 4 times" in message
    assert "500,000 bytes) is kept" in message
    part = path.with_name(f"{NAME}.part")
    assert part.read_bytes() == CONTENT[:500_000]
    assert get(site, path).received == len(CONTENT) - 500_000
    assert not part.exists()
    assert path.read_bytes() == CONTENT


def test_a_slow_but_steady_series_of_cuts_ends_well(site: Any, path: Path) -> None:
    content = CONTENT * 4
    digest = hashlib.sha256(content).hexdigest()
    site.files["large.pth"] = content
    site.cuts += [1_100_000] * 10
    download(f"{site.url}/large.pth", path, hash_prefix=digest)
    assert path.read_bytes() == content
    assert len(site.requests) == 11


def test_cuts_without_ranges_do_not_go_on_for_ever(site: Any, path: Path) -> None:
    site.ranges = False
    site.cuts += [2_000_000] * 50
    assert "the connection broke" in refused(site, path)
    assert len(site.requests) <= 5


def test_a_server_that_ignores_ranges(site: Any, path: Path) -> None:
    site.ranges = False
    site.cuts += [1_000_000]
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert site.requests[1][1] == "bytes=1000000-"


def test_a_server_that_continues_elsewhere(site: Any, path: Path) -> None:
    site.cuts += [1_000_000]
    site.ranges_start = 5
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.requests] == [None, "bytes=1000000-", None]


def test_a_response_without_a_length(site: Any, path: Path) -> None:
    site.sizes = False
    get(site, path)
    assert path.read_bytes() == CONTENT


def test_all_had_arrived_before(site: Any, path: Path) -> None:
    path.parent.mkdir(parents=True)
    part = path.with_name(f"{NAME}.part")
    part.write_bytes(CONTENT)
    assert get(site, path).received == 0
    path.unlink()
    part.write_bytes(CONTENT + b"more")
    assert get(site, path).received == len(CONTENT)
    assert path.read_bytes() == CONTENT


def test_what_was_kept_of_another_file_is_dropped(site: Any, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.with_name(f"{NAME}.part").write_bytes(b"x" * 1000)
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.requests] == ["bytes=1000-", None]


def test_a_wrong_hash_is_never_a_file(site: Any, path: Path) -> None:
    site.files[NAME] = CONTENT[:-1] + b"x"
    message = refused(site, path)
    assert "invalid hash value" in message
    assert f"not with {DIGEST[:8]}" in message
    assert not list(path.parent.iterdir())
    assert len(site.requests) == 1


def test_a_file_that_is_gone(site: Any, path: Path) -> None:
    del site.files[NAME]
    message = refused(site, path, title="model", otherwise=", or do without")
    assert f"model could not be downloaded from {site.url}/zoo/{NAME}: 404" in message
    assert f"put the file at {path} by hand, or do without." in message
    assert len(site.requests) == 1
    assert not list(path.parent.iterdir())


def test_a_server_that_is_busy_for_a_moment(site: Any, path: Path) -> None:
    site.codes += [500, 503, 429]
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert len(site.requests) == 4


def test_a_server_that_stays_broken(site: Any, path: Path) -> None:
    site.codes += [500] * 9
    assert "500 Internal Server Error, 4 times" in refused(site, path)
    assert len(site.requests) == 4


def test_pauses_grow_and_end(site: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(downloading, "PAUSES", (1.0, 2.0, 4.0))
    monkeypatch.setattr(downloading.time, "sleep", slept.append)
    site.codes += [503] * 9
    refused(site, path)
    assert slept == [1.0, 2.0, 4.0]


def test_an_expired_certificate(expired_web: Any, path: Path) -> None:
    expired_web.files[NAME] = CONTENT
    message = refused(expired_web, path)
    assert "the certificate of 127.0.0.1 is not valid (" in message
    # Which of the two is found first differs between builds of OpenSSL.
    assert "certificate has expired" in message or "self-signed certificate" in message
    assert "clock" in message
    assert not expired_web.requests


def test_without_internet(site: Any, path: Path) -> None:
    site.close()
    message = refused(site, path)
    assert "no connection to 127.0.0.1" in message
    assert "Without internet, put the file at" in message
    assert not list(path.parent.iterdir())


def test_a_file_larger_than_expected(site: Any, path: Path) -> None:
    assert "more than the 1,000,000 bytes" in refused(site, path, max_bytes=1_000_000)
    site.sizes = False
    assert "more than the 1,000,000 bytes" in refused(site, path, max_bytes=1_000_000)
    assert not list(path.parent.iterdir())


def test_mirrors_come_first_and_the_publisher_last(
    site: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELOOK_MIRRORS", f"{site.url}/mirror")
    download(f"http://127.0.0.1:9/zoo/{NAME}", path, hash_prefix=DIGEST[:8])
    assert [where for where, _ in site.requests] == [f"/mirror/zoo/{NAME}"]
    path.unlink()
    site.codes += [404]
    get(site, path)
    assert [where for where, _ in site.requests][1:] == [f"/mirror/zoo/{NAME}", f"/zoo/{NAME}"]
    path.unlink()
    site.codes += [404, 410]
    message = refused(site, path)
    assert f"404 Not Found ({site.url}/mirror/zoo/{NAME}); 410 Gone" in message


def test_a_mirror_with_another_content(
    site: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELOOK_MIRRORS", f"{site.url}/zoo/={site.url}/other/wrong-")
    site.files[f"wrong-{NAME}"] = b"something else"
    get(site, path)
    assert path.read_bytes() == CONTENT
    assert len(site.requests) == 2


def test_only_the_web_is_asked(path: Path) -> None:
    for url in ("file:///etc/hostname", "ftp://a.example/b", "a.pth"):
        with pytest.raises(UsageError, match="U03"):
            download(url, path, hash_prefix="00")


def test_a_folder_that_cannot_be_written(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RelookError, match="R02"):
        get(site, tmp_path / "file" / NAME)


def test_a_full_disk(site: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(downloading.os, "fsync", full)
    with pytest.raises(RelookError, match=r"R02.*No space left"):
        get(site, path)
    assert not path.exists()


def test_processes_wait_for_one_another(site: Any, path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from relook.interop.zoo.downloading import download\n"
        "print(download(sys.argv[1], Path(sys.argv[2]), hash_prefix=sys.argv[3]).received)"
    )
    command = [sys.executable, "-c", program, f"{site.url}/{NAME}", str(path), DIGEST[:8]]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    received = sorted(int(worker.communicate()[0]) for worker in workers)
    assert received == [0, 0, len(CONTENT)]
    assert len(site.requests) == 1
    assert [entry.name for entry in path.parent.iterdir()] == [NAME]


def test_hashes(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(CONTENT)
    assert sha256_of(path) == check_hash(path, DIGEST[:8]) == DIGEST
    with pytest.raises(ModelError, match=rf"M06.*{DIGEST[:4]}, not with 0000"):
        check_hash(path, "0000")


def test_lines_for_every_tenth() -> None:
    stream = io.StringIO()
    tell = progress_lines("m.pth", stream)
    for done in range(0, 1001, 4):
        tell(done * 1_000_000, 1_000_000_000)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[5] == "downloading m.pth: 500 of 1000 MB"
    unsized = io.StringIO()
    progress_lines("m.pth", unsized)(60_000_000, None)
    assert unsized.getvalue() == "downloading m.pth: 60 MB\n"
