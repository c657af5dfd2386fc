"""The page in a real browser, with the real server and the shipped model: a person at work."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from .page_driver import Page, Served, middle, wait_for
from .page_fixtures import FIRST, HOSTILE, NUCLEI, SECOND, SHOTS, THIRD, WIDE
from .page_fixtures import chrome as chrome
from .page_fixtures import page as page
from .page_fixtures import served as served


@pytest.fixture(scope="module")
def downloads(chrome: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("downloads")
    place = {"behavior": "allow", "downloadPath": str(folder)}
    chrome.execute_cdp_cmd("Browser.setDownloadBehavior", place)
    return folder


def downloaded(page: Page, kind: str, folder: Path) -> Path:
    """Download the objects of the open image by the dialog."""
    page.keys("g")
    page.js("document.querySelector(`#download-dialog [value=${arguments[0]}]`).click()", kind)
    page.js("document.querySelector('#download-dialog [type=submit]').click()")
    path: Path = wait_for(
        lambda: [f for f in folder.iterdir() if f.suffix in (".json", ".csv") and f.stat().st_size]
    )[0]
    return path.rename(folder / f"{kind}.kept")


def test_dropped_corrected_saved_and_downloaded(
    page: Page, served: Served, downloads: Path
) -> None:
    page.open(served.url)
    page.drop("dropped.jpg", (NUCLEI / "images" / THIRD).read_bytes())
    page.ready("dropped.jpg")
    found = page.objects()
    assert len(found) == int(page.words("#total")) > 5
    assert all(thing["state"] == "predicted" and thing["score"] >= 0.4 for thing in found)

    page.mouse([middle(found[0])], click=False)
    words = page.until("const t = document.getElementById('tip'); return !t.hidden && t.innerText")
    assert words == f"nucleus · score {found[0]['score']:.2f} · {found[0]['area']:,} px²"

    page.js(
        "const t = document.getElementById('threshold'); t.value = arguments[0];"
        "t.dispatchEvent(new Event('input', {bubbles: true}))",
        1.0,
    )
    assert int(page.words("#total")) == sum(thing["score"] >= 1 for thing in found) < len(found)
    page.js(
        "const t = document.getElementById('threshold'); t.value = 0.41;"
        "t.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    page.js("document.querySelector('#classes input').click()")
    assert page.words("#total") == "0"
    page.js("document.querySelector('#classes input').click()")
    assert len(page.objects()) == len(found)

    page.mouse([middle(found[1])])
    page.keys(page.key.DELETE)
    page.mouse([middle(found[2])])
    page.keys("x")
    page.keys("p")
    page.mouse([(100.0, 100.0), (130.0, 104.0), (120.0, 130.0)])
    page.keys(page.key.ENTER)
    page.until("return relook.state.document.objects.some(o => o.state === 'drawn')")
    page.keys("v")
    page.mouse([middle(found[3])])
    page.keys("x", "z")
    page.saves()
    expected = {thing["id"] for thing in found} - {found[1]["id"], found[2]["id"]} | {"d1"}
    assert {thing["id"] for thing in page.objects()} == expected

    page.open(served.url, "dropped.jpg")
    shown = page.objects()
    assert {thing["id"] for thing in shown} == expected
    [drawn] = [thing for thing in shown if thing["state"] == "drawn"]
    assert drawn["score"] is None and drawn["area"] == pytest.approx(380, rel=0.1)
    assert int(page.words("#total")) == len(found) - 1

    coco = json.loads(downloaded(page, "coco", downloads).read_text())
    rows = coco["annotations"] if isinstance(coco, dict) else coco
    table = list(csv.DictReader(io.StringIO(downloaded(page, "csv", downloads).read_text())))
    areas = sorted(thing["area"] for thing in shown)
    assert sorted(row["area"] for row in rows) == areas
    assert sorted(int(float(row["area"])) for row in table) == areas
    assert page.problems() == []


def test_an_image_is_split_merged_redrawn_and_offered(page: Page, served: Served) -> None:
    page.open(served.url, FIRST)
    before = page.objects()
    largest = max(before, key=lambda thing: thing["area"])
    x, y = middle(largest)
    half = (largest["box"][3] - largest["box"][1]) / 2 + 6
    page.mouse([(x, y)])
    page.keys("s")
    page.mouse([(x, y - half), (x, y), (x, y + half)], drag=True)
    page.until("return relook.state.selection.size === 2")
    parts = page.js(
        "return relook.state.document.shown().filter(o => relook.state.selection.has(o.id))"
    )
    assert sum(part["area"] for part in parts) == largest["area"]
    page.keys(page.key.ESCAPE, "m")
    page.until("return relook.state.selection.size === 1")
    assert len(page.objects()) == len(before)
    page.keys("z", "z")
    assert [thing["id"] for thing in page.objects()] == [thing["id"] for thing in before]

    page.mouse([(x, y)])
    page.keys("r")
    page.mouse([(x - 9, y - 9), (x + 9, y - 9), (x + 9, y + 9), (x - 9, y + 9)], drag=True)
    page.until("return relook.state.document.objects.some(o => o.state === 'drawn')")
    [redrawn] = [thing for thing in page.objects() if thing["state"] == "drawn"]
    assert redrawn["id"] == largest["id"]
    assert redrawn["area"] < largest["area"]

    # What lies below the threshold is offered where one clicks, and by a key.
    best = page.objects()[0]
    page.js(
        "relook.state.document.candidates = [{...arguments[0], id: 'c900', score: 0.2,"
        "shape: [[[[2, 2], [22, 2], [22, 22], [2, 22]]]], box: [2, 2, 22, 22]}]",
        best,
    )
    page.mouse([(12.0, 12.0)])
    assert "score 0.20" in page.words("#offer")
    page.keys(page.key.ENTER)
    assert page.js("return relook.state.document.find('c900').state") == "accepted"
    page.keys("z", "q", page.key.ENTER, "z")
    assert not any(thing["id"] == "c900" for thing in page.objects())
    page.saves()
    assert page.problems() == []


def test_by_the_keyboard_only(page: Page, served: Served) -> None:
    page.open(served.url, SECOND)
    before = page.objects()
    page.keys("j", "j", "a", "j", page.key.DELETE)
    assert sorted(t["state"] for t in page.objects()).count("accepted") == 1
    assert len(page.objects()) == len(before) - 1
    page.keys("w", "p", " ")
    page.keys(page.key.ARROW_RIGHT * 3, " ", page.key.ARROW_DOWN * 3, " ", page.key.ENTER)
    page.until("return relook.state.document.objects.some(o => o.state === 'drawn')")
    page.keys(page.key.ESCAPE, "l", page.key.HOME, page.key.ARROW_DOWN)
    active = page.js(
        "const host = document.activeElement;"
        "const row = document.getElementById(host.getAttribute('aria-activedescendant'));"
        "return [host.getAttribute('role'), row.getAttribute('aria-selected'),"
        "relook.state.selection.size]"
    )
    assert active == ["grid", "true", 1]
    page.keys(page.key.ARROW_DOWN, shift=True)
    assert page.js("return relook.state.selection.size") == 2
    page.keys("z")
    page.keys("y")
    page.keys("s", control=True)
    page.saves()
    page.keys("?")
    assert "Split an object by a line" in page.words("#help-dialog")
    page.keys(page.key.ESCAPE)
    page.keys("d")  # done: the next image opens
    page.until("return relook.state.entry.name !== arguments[0]", SECOND)
    record = wait_for(
        lambda: [
            r for r in served.saved["images"] if r["file_name"] == SECOND and r["relook"]["done"]
        ]
    )[0]
    rows = [r for r in served.saved["annotations"] if r["image_id"] == record["id"]]
    assert len(rows) == len(before)
    assert page.problems() == []


def test_a_class_is_added(page: Page, served: Served) -> None:
    """By a key; it is drawn with at once, in the file, and there after a restart."""
    page.open(served.url, SECOND)
    name, markup = "Café <b>x</b>", "<img src=x onerror=alert(1)>"
    page.keys("C", shift=True)
    page.keys("  ", "Nucleus", page.key.ENTER)
    words = page.until("return document.querySelector('#class-dialog .problem').innerText")
    assert words.startswith("U03: there is a class 'nucleus' already.")
    page.js("document.getElementById('class-name').value = ''")
    page.js("document.getElementById('class-name').value = arguments[0]", name)
    page.keys(page.key.ENTER)
    page.until("return !document.getElementById('class-dialog').open")
    assert name in page.words("#classes")
    page.keys("w", "p")
    page.mouse([(10.0, 10.0), (40.0, 12.0), (30.0, 40.0)])
    page.keys(page.key.ENTER)
    page.until("return relook.state.document.shown().some(o => o.class === 1)")
    page.keys(page.key.ESCAPE)
    page.js("document.querySelector('[data-action=add-class]').click()")
    page.js("document.getElementById('class-name').value = arguments[0]", markup)
    page.keys(page.key.ENTER)  # for the object that was drawn, which is selected
    page.until("return relook.state.document.shown().some(o => o.class === 2)")
    page.keys("z")
    page.until("return relook.state.document.shown().some(o => o.class === 1)")
    page.saves()
    assert markup in page.words("#class-of")
    assert page.js("return document.querySelectorAll('#class-of img').length") == 0
    names = [row["name"] for row in served.saved["categories"]]
    assert names == ["nucleus", name, markup]
    assert 2 in [row["category_id"] for row in served.saved["annotations"]]
    served.stop()
    served.start()
    page.open(served.url, SECOND)
    assert page.js("return relook.state.project.classes") == names
    assert [thing["class"] for thing in page.objects()].count(1) == 1
    assert name in page.words("#classes")
    assert page.js("return document.getElementById('class').options.length") == 3

    # Renamed and removed by the keyboard alone; markup stays text.
    page.keys("E", shift=True)
    page.until("return document.getElementById('class-dialog').open")
    assert "finds it, so it can be renamed, and not removed" in page.words("#class-note")
    page.keys(name.upper(), page.key.ENTER)
    words = page.until("return document.querySelector('#class-dialog .problem').innerText")
    assert words.startswith(f"U03: there is a class {name!r} already.")
    page.keys(page.key.BACKSPACE * 20, "kernel", page.key.ENTER)
    page.until("return !document.getElementById('class-dialog').open")
    page.until("return relook.state.project.classes[0] === 'kernel'")
    assert "kernel" in page.words("#table")
    page.js("document.querySelector('[data-action=edit-classes]').click()")
    page.until("return document.getElementById('class-dialog').open")
    page.js(CHOOSE, "class-which", 1)
    assert page.words("#class-note") == "1 saved object of 1 image has this class."
    page.js("document.getElementById('remove-class').click()")
    assert page.words("#remove-class") == "Remove, and change 1 object"
    assert markup in page.words("#class-other")
    if SHOTS:
        page.chrome.save_screenshot(str(Path(SHOTS) / "remove_class.png"))
    page.js(CHOOSE, "class-other", 2)
    page.js("document.getElementById('remove-class').click()")
    page.until("return relook.state.document?.objects.some(o => o.class === 2)")
    assert page.js("return relook.state.project.classes") == ["kernel", None, markup]
    names = [row["name"] for row in served.saved["categories"]]
    assert names == ["kernel", markup]
    page.until("return !document.getElementById('class-dialog').open")
    page.keys("C", shift=True)
    page.keys("twice", page.key.ENTER)
    page.until("return !document.getElementById('class-dialog').open")
    page.keys("E", shift=True)
    page.until("return document.getElementById('class-dialog').open")
    page.js(CHOOSE, "class-which", 3)
    page.js("document.getElementById('remove-class').click()")
    page.until("return relook.state.project.classes[3] === null")
    undo = "[...document.querySelectorAll('.toast button')].findLast(b => b.innerText === 'Undo')"
    page.until(f"return document.getElementById('toasts').innerText.includes('twice') && {undo}")
    page.js(f"{undo}.click()")
    page.until("return relook.state.project.classes[3] === 'twice'")
    assert all("422" in words for words in page.problems())  # the names that were refused


CHOOSE = """
const field = document.getElementById(arguments[0]);
field.value = String(arguments[1]);
field.dispatchEvent(new Event("change", {bubbles: true}));
"""


def test_a_large_image_comes_in_tiles(page: Page, served: Served) -> None:
    page.open(served.url, WIDE)
    asked = (
        "return performance.getEntriesByType('resource').map(e => e.name)"
        ".filter(n => n.includes('/tiles/'))"
    )
    first = page.js(asked)
    assert first and not any("/tiles/0/" in name for name in first)
    assert len(page.objects()) > 10
    page.js("document.getElementById('stage').focus()")
    page.keys("+", "+", "+", "+", "+", "+", "+")
    page.until("return relook.isDrawn()")
    page.until(f"{asked}.some(n => n.includes('/tiles/0/'))")
    page.until("return relook.isDrawn()")
    near = {name for name in page.js(asked) if "/tiles/0/" in name}
    assert 0 < len(near) < 5  # of five columns
    with Image.open(served.folder / WIDE) as image:
        places = [(1056, 20), (1056, 48), (1000, 70)]
        assert page.js(PIXELS, places) == [list(image.getpixel(at)) for at in places]  # type: ignore[arg-type]
    page.keys("j")
    assert page.js("return relook.state.selection.size") == 1
    assert page.problems() == []


def test_the_server_is_gone_and_back(page: Page, served: Served) -> None:
    page.open(served.url, FIRST)
    number = len(page.objects())
    served.stop()
    page.keys("j", "x")
    page.until("return !document.getElementById('connection').hidden")
    page.until("return document.getElementById('saving').dataset.state === 'failed'")
    assert "does not answer" in page.words("#saving")
    page.keys("j", "x")
    assert len(page.objects()) == number - 2
    served.start()
    page.saves()
    page.until("return document.getElementById('connection').innerText.includes('back')")
    assert len(page.objects()) == number - 2
    [record] = [r for r in served.saved["images"] if r["file_name"] == FIRST]
    rows = [r for r in served.saved["annotations"] if r["image_id"] == record["id"]]
    assert len(rows) == number - 2


def test_a_page_that_was_closed_brings_its_changes_back(page: Page, served: Served) -> None:
    page.open(served.url, FIRST)
    number = len(page.objects())
    served.stop()
    page.keys("j", "x")
    page.until("return document.getElementById('saving').dataset.state === 'failed'")
    page.chrome.get("about:blank")
    served.start()
    page.open(served.url, FIRST)
    assert len(page.objects()) == number - 1
    page.saves()


def test_two_tabs_do_not_write_over_each_other(page: Page, served: Served) -> None:
    page.open(served.url, FIRST)
    mine = len(page.objects())
    page.js(
        "const d = relook.state.document;"
        "return fetch(`/api/images/${d.entry.id}/objects`, {method: 'PUT',"
        "headers: {'X-Relook': '1', 'Content-Type': 'application/json'},"
        "body: JSON.stringify({revision: d.revision, objects: d.objects.slice(3), done: false})})"
        ".then(answer => answer.status)"
    )
    page.keys("j", "x")
    page.until("return document.getElementById('question-dialog').open")
    assert "saved in another tab" in page.words("#question-dialog")
    page.js("[...document.querySelectorAll('#question-dialog button')].at(-1).click()")
    page.until("return !relook.state.document.isDirty")
    assert len(page.objects()) == mine - 3
    page.keys("z")
    assert len(page.objects()) == mine - 1
    page.saves()


def test_names_stay_text_and_errors_say_what_happened(page: Page, served: Served) -> None:
    page.open(served.url, HOSTILE)
    assert HOSTILE in page.words("#images")
    assert page.chrome.title.startswith(HOSTILE)
    page.js("document.getElementById('images').focus()")
    at = page.js("return relook.state.images.findIndex(e => e.name === 'broken.png')")
    page.keys(page.key.HOME, *[page.key.ARROW_DOWN] * at)
    page.until("return relook.state.problem")
    assert "D02" in page.words("#empty") and "broken.png" in page.words("#empty")
    assert page.js("return document.querySelector('#empty button').title") == "Next image (N)"
    page.drop("notes.txt", b"not an image")
    page.until("return document.getElementById('toasts').innerText.includes('notes.txt')")
    asked = [json.loads(row["message"])["message"] for row in page.chrome.get_log("performance")]
    urls = [
        m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"
    ]
    ours = (served.url, "data:", "blob:", "chrome:")
    assert [url for url in urls if not url.startswith(ours)] == []


@pytest.fixture
def ten(served: Served, tmp_path: Path) -> Iterator[Served]:
    """A server on ten small images of nuclei, with the models of the other one."""
    for number, path in enumerate(sorted((NUCLEI / "images").iterdir())[:10]):
        with Image.open(path) as image:
            image.convert("RGB").crop((0, 0, 96, 96)).save(tmp_path / f"{number}.png")
    server = Served(tmp_path, served.shelf, served.paths)
    server.start()
    yield server
    server.stop()


@pytest.mark.slow
@pytest.mark.timeout(600)  # where others want the machine too
def test_it_learns_from_corrections(page: Page, ten: Served) -> None:
    """Twenty steps on ten images, all accepted as they were found; two of them measure. While the
    panel is open, the process that teaches imports what it needs."""
    page.open(ten.url)
    page.keys("t")
    assert "Correct an image first" in page.words("#panel-teach")
    for _ in range(10):
        page.until("return relook.state.document && relook.isDrawn()")
        page.keys("a", shift=True)
        name = page.js("return relook.state.entry.name")
        page.keys("d")
        page.until(
            "return relook.state.entry.name !== arguments[0] ||"
            "relook.state.images.every(e => e.status === 'done')",
            name,
        )
    page.until("return relook.state.images.every(e => e.status === 'done')")
    page.js(
        "const ask = window.fetch;"
        "window.fetch = (to, how) => ask(to, to === '/api/teach' && how.body"
        "? {...how, body: JSON.stringify({...JSON.parse(how.body), minutes: null, steps: 20})}"
        ": how)"
    )
    assert "10 corrected images" in page.words("#panel-teach")
    page.js("document.getElementById('learn').click()")
    page.until(
        "return document.getElementById('panel-teach').innerText.includes('of 20')", patience=200
    )
    page.until("return document.querySelector('.chart path')", patience=120)
    page.until("return document.getElementById('use-model')", patience=250)
    panel = page.words("#panel-teach")
    assert "New model: corrected-1" in panel
    assert "measured on 2 images" in panel
    [row] = page.js(
        "return [...document.querySelectorAll('#panel-teach tbody tr')].map(r => r.innerText)"
        ".filter(t => t.startsWith('mask AP\t'))"
    )
    _, before, after, _ = row.split("\t")
    assert 0 < float(before) <= 1
    assert 0 <= float(after) <= 1
    assert page.js("return [...document.querySelectorAll('#panel-teach img')].map(i => i.alt)")
    page.js("document.getElementById('use-model').click()")
    assert page.js("return document.getElementById('model').value") == "corrected-1"
    page.drop("new.png", (ten.folder / "0.png").read_bytes())
    page.ready("new.png")
    assert page.js("return relook.state.document.model") == "corrected-1"
    assert page.problems() == []


PIXELS = """
const canvas = document.getElementById('picture');
const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
return arguments[0].map(([x, y]) => {
  const [column, row] = relook.toScreen(x + .5, y + .5).map(Math.floor);
  return [...data.slice(4 * (row * canvas.width + column)).slice(0, 3)]; });
"""
CHECKS = """
const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const luminance = c => c.map(v => linear(v / 255))
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const parse = s => { const m = s.match(/[\\d.]+/g).map(Number);
  return m.length > 3 ? m : [...m, 1]; };
const mix = (over, under) => under.map((v, i) => v * (1 - over[3]) + over[i] * over[3]);
const ground = e => { const all = []; for (let n = e; n; n = n.parentElement) {
  const c = parse(getComputedStyle(n).backgroundColor); all.push(c); if (c[3] === 1) break; }
  return all.reverse().reduce((under, over) => mix(over, under), [255, 255, 255]); };
const weak = []; const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) { const e = walk.currentNode.parentElement;
  if (!walk.currentNode.textContent.trim() || !e.getClientRects().length) continue;
  if (e.closest(".unseen, .skip, :disabled, noscript, script")) continue;
  const under = ground(e), over = mix(parse(getComputedStyle(e).color), under);
  const [a, b] = [luminance(over), luminance(under)].sort((x, y) => y - x);
  if ((a + .05) / (b + .05) < 4.5) weak.push(walk.currentNode.textContent.trim()); }
const nameless = [...document.querySelectorAll("button, input, select, [tabindex]")].filter(e =>
  e.offsetParent && !(e.innerText.trim() || e.textContent.trim() || e.ariaLabel || e.labels?.length
    || e.getAttribute("aria-labelledby"))).map(e => e.outerHTML);
const { scrollWidth, clientWidth } = document.documentElement;
return [weak, nameless, scrollWidth - clientWidth];
"""


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1920, True), (390, False)])
def test_it_can_be_read(page: Page, served: Served, width: int, *, dark: bool) -> None:
    page.size(width, 900, dark=dark)
    page.open(served.url, HOSTILE)
    page.js("document.getElementById('looks').open = true")
    page.keys("j")
    assert page.js(CHECKS) == [[], [], 0]
    page.keys("?")
    assert page.js(CHECKS) == [[], [], 0]
    page.keys(page.key.ESCAPE, "t")
    assert page.js(CHECKS) == [[], [], 0]
    page.js("document.getElementById('looks').open = false")
    page.keys("l")
