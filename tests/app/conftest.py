"""A server with a narrow model, in the process of the tests."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from relook.app.limits import Limits
from relook.app.models import ModelShelf
from relook.app.server import make_server
from relook.inference.predictor import Predictor

from ..narrow_models import FEW_TO_DETECT, narrow_config, predictor_of

HERE = "http://127.0.0.1:8117"
PNG = {"Content-Type": "image/png"}

Serve = Callable[..., TestClient]


def pixels(width: int = 80, height: int = 60, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def png(width: int = 80, height: int = 60, seed: int = 0) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels(width, height, seed)).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="session")
def nuts() -> Predictor:
    config = narrow_config(num_classes=2, **FEW_TO_DETECT).with_(input__size=(96, 96))
    return predictor_of(config)


@pytest.fixture
def shelf(nuts: Predictor) -> ModelShelf:
    shelf = ModelShelf(device="cpu")
    shelf.add("nuts", nuts)
    return shelf


@pytest.fixture
def serve(shelf: ModelShelf) -> Iterator[Serve]:
    clients = []

    def start(limits: Limits | None = None, **options: Any) -> TestClient:
        app = make_server(shelf, limits=limits, **options)
        client = TestClient(app, base_url=HERE).__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()


@pytest.fixture
def held(nuts: Predictor, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The network waits until the event is set."""
    go, predict = threading.Event(), nuts.engine.run_prepared

    def wait(*arguments: Any) -> Any:
        assert go.wait(60)
        return predict(*arguments)

    monkeypatch.setattr(nuts.engine, "run_prepared", wait)
    yield go
    go.set()
