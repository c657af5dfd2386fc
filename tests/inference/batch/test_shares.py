"""Images dealt out to processes: none is lost, none is done twice."""

from __future__ import annotations

import itertools
import threading
import time
from datetime import timedelta

import pytest
from torch.distributed import TCPStore

from relook.errors import RelookError
from relook.inference.batch.shares import OwnStore, Shares, shares


def test_alone_all_fall_to_this_process() -> None:
    own = shares()
    assert own.size == 1
    assert list(own.claims(7, 2)) == list(range(7))
    assert list(own.claims(0)) == []
    assert [own.tick(), own.tick()] == [1, 2]
    own.finish()
    own.wait()


@pytest.mark.parametrize("at_once", [1, 3])
def test_who_is_done_first_takes_the_next(at_once: int) -> None:
    server = TCPStore("127.0.0.1", 0, 3, is_master=True, wait_for_workers=False)
    taken: dict[int, list[int]] = {}

    def work(number: int) -> None:
        store = TCPStore("127.0.0.1", server.port, 3, is_master=False)
        mine = Shares(store, 3)
        taken[number] = []
        for item in mine.claims(40, at_once):
            taken[number].append(item)
            time.sleep(0.02 if number == 0 else 0.001)
        mine.finish()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    Shares(server, 3).wait()
    for thread in threads:
        thread.join()
    assert sorted(itertools.chain(*taken.values())) == list(range(40))
    assert len(taken[0]) < min(len(taken[1]), len(taken[2]))


def test_one_that_fails_stops_the_others() -> None:
    store = OwnStore()
    first, second = Shares(store, 2), Shares(store, 2)
    claims = first.claims(10)
    assert next(claims) == 0
    second.fail()
    with pytest.raises(RelookError, match=r"R05.*--resume"):
        next(claims)
    first.finish()
    with pytest.raises(RelookError, match="R05"):
        first.wait()


def test_one_that_is_killed_says_nothing_and_is_noticed() -> None:
    """A slow one gives signs of life, and is waited for."""
    store = OwnStore()
    first, slow, killed = (Shares(store, 3, rank=number) for number in range(3))
    first.finish()
    with slow.alive(beat=0.01):
        with killed.alive(beat=0.01):
            pass
        began = time.monotonic()
        with pytest.raises(RelookError, match=r"process 3 of 3 .* no sign of life") as caught:
            first.wait(silence=0.3)
        assert time.monotonic() - began >= 0.3
        assert caught.value.code == "R05"
        killed.finish()
        threading.Timer(0.6, slow.finish).start()
        first.wait(silence=0.3)


def test_a_store_that_is_gone() -> None:
    server = TCPStore("127.0.0.1", 0, 2, is_master=True, wait_for_workers=False)
    client = TCPStore("127.0.0.1", server.port, 2, is_master=False, timeout=timedelta(seconds=2))
    one = Shares(client, 2)
    assert one.tick() == 1
    del server
    with pytest.raises(RelookError, match=r"R05.*does not answer"):
        list(one.claims(10))
    one.fail()


def test_parts_of_an_item_are_shared_apart_from_the_items() -> None:
    store = OwnStore()
    first, second = Shares(store, 2), Shares(store, 2)
    assert list(first.claims(2)) == [0, 1]
    tiles = first.within("image 0"), second.within("image 0")
    assert next(tiles[0].claims(3)) == 0
    assert list(tiles[1].claims(3)) == [1, 2]
    assert (tiles[0].tick(), tiles[1].tick(), first.tick()) == (1, 2, 1)
    assert (tiles[0].arrive(), tiles[1].arrive()) == (1, 2)
    assert list(second.within("image 1").claims(2)) == [0, 1]
    second.fail()
    with pytest.raises(RelookError, match="R05"):
        list(tiles[0].claims(9))
