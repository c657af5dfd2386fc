"""Clients that ask at the same time, and check what they get."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .hostile import Address, attack
from .images import Known, label_difference, record_difference, table_difference

_WAIT: Final = 180.0  # seconds for an answer
_LONGEST_PAUSE: Final = 2.0  # seconds after 429
_LOST: Final = (OSError, http.client.HTTPException)


@dataclass
class Tally:
    """Numbers of all clients."""

    statuses: Counter[int] = field(default_factory=Counter)
    attacks: int = 0
    seconds: list[float] = field(default_factory=list)  # of requests that were answered with 200
    images: int = 0
    wrong: list[str] = field(default_factory=list)  # answers that are not those that are due
    broken: list[str] = field(default_factory=list)  # connections that ended for no known reason
    lost: int = 0  # connections that ended while the server was killed or stopped
    lock: threading.Lock = field(default_factory=threading.Lock)


class Clients:
    """Threads that send requests until they are stopped.

    Args:
        address: Of the server.
        known: Images with their results.
        number: Of clients.
        hostile: Share of requests that mean harm.
        seed: Of the choices.
    """

    def __init__(
        self, address: Address, known: Sequence[Known], number: int, hostile: float, seed: int
    ) -> None:
        self.tally = Tally()
        self.may_be_lost = threading.Event()
        self._address, self._known, self._hostile = address, known, hostile
        self._stopped, self._asking = threading.Event(), threading.Event()
        self._asking.set()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed + k),))
            for k in range(number)
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """Ask nothing new until `go_on`."""
        self._asking.clear()

    def go_on(self) -> None:
        """Ask again."""
        self._asking.set()

    def stop(self) -> None:
        """Stop after the answers that are on their way."""
        self._stopped.set()
        self._asking.set()
        for thread in self._threads:
            thread.join()

    def _run(self, chance: random.Random) -> None:
        connection = self._connection()
        while not self._stopped.is_set():
            if not self._asking.is_set():
                connection.close()  # a server ends a line on which nothing was asked for long
                self._asking.wait()
            try:
                if chance.random() < self._hostile:
                    connection.close()
                    self._attack(chance)
                else:
                    self._ask(connection, chance)
            except _LOST as error:
                connection.close()
                connection = self._connection()
                with self.tally.lock:
                    if self.may_be_lost.is_set():
                        self.tally.lost += 1
                    else:
                        self.tally.broken.append(f"a connection was lost: {error!r}")
                time.sleep(0.1)
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self._address, timeout=_WAIT)

    def _attack(self, chance: random.Random) -> None:
        status, wrong = attack(self._address, chance.choice(self._known), chance)
        with self.tally.lock:
            self.tally.attacks += 1
            if wrong and not (status == 503 and self.may_be_lost.is_set()):
                self.tally.wrong.append(wrong)

    def _ask(self, connection: http.client.HTTPConnection, chance: random.Random) -> None:
        accept = chance.choice(("application/json",) * 4 + ("image/png", "text/csv"))
        number = chance.choice((1, 1, 1, 2, 3)) if accept == "application/json" else 1
        images = chance.sample(self._known, number)
        body, media = _form(images) if number > 1 else (images[0].content, images[0].media)
        path = "/predict" if number > 1 else f"/predict?name={images[0].name}"
        began = time.monotonic()
        connection.request("POST", path, body, {"Content-Type": media, "Accept": accept})
        answer = connection.getresponse()
        content = answer.read()
        seconds = time.monotonic() - began
        wrong = _judge(answer.status, content, accept, images)
        if answer.status == 503 and self.may_be_lost.is_set():
            wrong = ""
        with self.tally.lock:
            self.tally.statuses[answer.status] += 1
            if wrong:
                self.tally.wrong.append(wrong)
            if answer.status == 200:
                self.tally.seconds.append(seconds)
                self.tally.images += number
        if answer.status in (429, 503):
            time.sleep(min(_LONGEST_PAUSE, float(answer.headers["Retry-After"])))


def _judge(status: int, content: bytes, accept: str, images: Sequence[Known]) -> str:
    """What is wrong with an answer; nothing where it is that of its own images."""
    if status == 429:
        return "" if json.loads(content)["code"] == "R08" else "429 without its code"
    if status != 200:
        return f"status {status}: {content[:200]!r}"
    if accept == "image/png":
        return label_difference(content, images[0])
    if accept == "text/csv":
        return table_difference(content.decode(), images[0])
    records = json.loads(content)["results"]
    if len(records) != len(images):
        return f"{len(records)} results for {len(images)} images"
    wrong = (record_difference(*pair) for pair in zip(records, images, strict=True))
    return next(filter(None, wrong), "")


def _form(images: Sequence[Known]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    parts = b"".join(
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="images"; '
            f'filename="{image.name}"\r\nContent-Type: {image.media}\r\n\r\n'
        ).encode()
        + image.content
        + b"\r\n"
        for image in images
    )
    return parts + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
