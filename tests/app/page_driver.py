"""The real server in a thread, and the page in a headless Chromium: for the browser tests."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvicorn

from relook.app.models import ModelShelf
from relook.app.running import listen
from relook.app.server import make_server
from relook.app.session.project import Project
from relook.app.session.routes import SessionRoutes
from relook.app.teaching.teacher import Teacher

PATIENCE = 60.0  # seconds, also on a busy machine


class Served:
    """`relook app` on a folder, in a thread, that can be stopped and started on its port."""

    def __init__(
        self, folder: Path, shelf: ModelShelf, paths: dict[str, Path], *, is_empty: bool = False
    ) -> None:
        self.folder, self.shelf, self.paths = folder, shelf, paths
        self.source = None if is_empty else folder
        self.port = 0
        self._open = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def saved(self) -> dict[str, Any]:
        """The file of corrections."""
        content: dict[str, Any] = json.loads((self.folder / "relook-corrections.json").read_text())
        return content

    def start(self) -> None:
        listener = self._open.enter_context(listen(port=self.port))
        self.port = listener.getsockname()[1]
        project = self._open.enter_context(
            Project(self.source, self.shelf, work=self.folder / ".relook")
        )
        teacher = Teacher(project, self.paths)
        self._open.callback(teacher.close)
        app = make_server(self.shelf, project=SessionRoutes(project, teacher))
        config = uvicorn.Config(
            app, log_level="error", http="h11", ws="none", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()

        def end() -> None:
            server.should_exit = True
            thread.join()
            app.state.work.join(60)  # a process must not end inside of a prediction

        self._open.callback(end)

    def stop(self) -> None:
        self._open.close()


class Page:
    """What a person does with the page, and sees."""

    def __init__(self, chrome: Any) -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        self.chrome, self._chains, self.key = chrome, ActionChains, Keys

    def size(self, width: int = 1280, height: int = 800, *, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def open(self, url: str, name: str = "") -> None:
        """Open the page, and an image of it."""
        self.chrome.get(url)
        self.until("return window.relook && relook.state.project && relook.state.images.length")
        if name:
            self.choose(name)

    def choose(self, name: str) -> None:
        """Open an image of the list with the keys of the list."""
        at, name_ = "return relook.state.images.findIndex(e => e.name === arguments[0])", name
        index = self.js(at, name_)
        self.js("document.getElementById('images').focus()")
        self.keys(self.key.HOME, *[self.key.ARROW_DOWN] * index)
        self.ready(name)

    def ready(self, name: str) -> None:
        """Wait until the objects of an image are there and its pixels drawn."""
        script = "return relook.state.document?.entry.name === arguments[0] && relook.isDrawn()"
        self.until(script, name)

    def js(self, script: str, *arguments: Any) -> Any:
        return self.chrome.execute_script(script, *arguments)

    def until(self, script: str, *arguments: Any, patience: float = PATIENCE) -> Any:
        """What a script gives as soon as it gives something."""
        end = time.monotonic() + patience
        while not (value := self.js(script, *arguments)):
            assert time.monotonic() < end, f"{script}: {self.words('body')[:1500]}"
            time.sleep(0.05)
        return value

    def words(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0]).innerText", selector))

    def keys(self, *keys: str, shift: bool = False, control: bool = False) -> None:
        chain = self._chains(self.chrome, duration=10)
        held = [
            k for k, is_held in ((self.key.SHIFT, shift), (self.key.CONTROL, control)) if is_held
        ]
        for key in held:
            chain.key_down(key)
        chain.send_keys(*keys)
        for key in held:
            chain.key_up(key)
        chain.perform()

    def mouse(
        self,
        points: list[tuple[float, float]],
        *,
        drag: bool = False,
        click: bool = True,
        shift: bool = False,
    ) -> None:
        """Move to places of the image, in its pixels; click at each, or drag along them."""
        stage = self.chrome.find_element("id", "stage")
        width, height = self.js(
            "const s = document.getElementById('stage'); return [s.clientWidth, s.clientHeight]"
        )
        chain = self._chains(self.chrome, duration=10)
        if shift:
            chain.key_down(self.key.SHIFT)
        for number, point in enumerate(points):
            x, y = self.js("return relook.toScreen(...arguments)", *point)
            at = (math.floor(x - width / 2), math.floor(y - height / 2))
            chain.move_to_element_with_offset(stage, *at)
            if drag and not number:
                chain.click_and_hold()
            elif click and not drag:
                chain.click()
        if drag:
            chain.release()
        if shift:
            chain.key_up(self.key.SHIFT)
        chain.perform()

    def touch(self, *fingers: list[tuple[float, float]]) -> None:
        """Move fingers on the image, each along places of the stage in its pixels."""
        left, top = self.js(
            "const b = document.getElementById('stage').getBoundingClientRect();"
            "return [b.left, b.top]"
        )
        actions = []
        for number, places in enumerate(fingers):
            steps = [
                {"type": "pointerMove", "duration": 20, "x": int(left + x), "y": int(top + y)}
                for x, y in places
            ]
            down = {"type": "pointerDown", "button": 0}
            up = {"type": "pointerUp", "button": 0}
            actions.append(
                {
                    "type": "pointer",
                    "id": f"finger{number}",
                    "parameters": {"pointerType": "touch"},
                    "actions": [steps[0], down, *steps[1:], up],
                }
            )
        self.chrome.execute("actions", {"actions": actions})

    def read_aloud(self) -> list[dict[str, Any]]:
        """What a screen reader is given: role, name and whether it can have the focus, of each
        node of the accessibility tree."""
        found = []
        for node in self.chrome.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]:
            if node["ignored"]:
                continue
            traits = {item["name"]: item["value"].get("value") for item in node["properties"]}
            found.append(
                {
                    "role": node["role"]["value"],
                    "name": str(node["name"].get("value", "")).strip(),
                    "focusable": bool(traits.get("focusable")),
                    "traits": traits,
                }
            )
        return found

    def objects(self) -> list[dict[str, Any]]:
        """The objects that are shown."""
        found: list[dict[str, Any]] = self.js("return relook.state.document.shown()")
        return found

    def saves(self) -> None:
        """Wait until the page says that all is saved."""
        self.until(
            "return document.getElementById('saving').dataset.state === 'saved' "
            "&& !relook.state.document.isDirty"
        )

    def drop(self, name: str, content: bytes) -> None:
        """Drop a file on the page."""
        self.js(
            """
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(arguments[1])], arguments[0]));
            for (const kind of ["dragover", "drop"]) document.getElementById("stage").dispatchEvent(
                new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
            """,
            name,
            list(content),
        )

    def problems(self) -> list[str]:
        """What the console complained of since the last call."""
        return [row["message"] for row in self.chrome.get_log("browser")]


def middle(thing: dict[str, Any]) -> tuple[float, float]:
    """A place inside of an object that is not hollow."""
    x0, y0, x1, y1 = thing["box"]
    return (x0 + x1) / 2, (y0 + y1) / 2


def wait_for(made: Callable[[], Any]) -> Any:
    """What a function gives as soon as it gives something."""
    end = time.monotonic() + PATIENCE
    while not (value := made()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value
