"""The study of how much correcting helps: its orders, its stops, its table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import correcting as benchmark  # noqa: E402

from relook.app.session.suggestions import BY_NUMBER, Doubt  # noqa: E402
from relook.app.teaching.lesson import LessonState  # noqa: E402
from relook.training.run_folder import RunFolder  # noqa: E402

MUSHROOMS = ROOT / "datasets" / "mushrooms"


@pytest.fixture
def setting(tmp_path: Path) -> benchmark.Setting:
    return benchmark.Setting(MUSHROOMS, "nuclei", 2, tmp_path)


@pytest.fixture
def taught(setting: benchmark.Setting, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is learned and measured; the scores rise with the number of images."""
    lessons: list[Any] = []

    def learn(place: Path) -> LessonState:
        lessons.append(json.loads((place / "request.json").read_text()))
        return LessonState(phase="done")

    def scores_of(_: Any, place: Path, predictor: Any) -> dict[str, Any]:
        number = int(place.name.rpartition("-")[2]) if place.name != "start" else 0
        scores = {"mask_ap": 0.1 + number / 20, "mask_ap50": 0.5, "f1": None}
        place.mkdir(parents=True, exist_ok=True)
        (place / "scores.json").write_text(json.dumps(scores))
        return scores

    def order(measure: Any, predictor: Any, images: Path, rows: list[Any]) -> list[int]:
        """Largest id first, or after a training the smallest; by the number from the third on."""
        ids = sorted(row["id"] for row in rows)[2 if measure is BY_NUMBER else 0 :]
        return ids if predictor else ids[::-1]

    monkeypatch.setattr(benchmark, "learn", learn)
    monkeypatch.setattr(benchmark, "scores_of", scores_of)
    monkeypatch.setattr(benchmark, "order_by", order)
    monkeypatch.setattr(benchmark.Setting, "predictor", lambda self, run=None: run)
    return lessons


def ids_of(setting: benchmark.Setting, name: str) -> list[int]:
    return list(json.loads((setting.out / name / "ids.json").read_text()))


def test_the_person_corrects_in_the_order_of_the_model_of_the_moment(
    setting: benchmark.Setting, taught: list[Any]
) -> None:
    benchmark.run_all(setting, ["suggested"], 2, [1, 2, 4], 60)
    all_ids = sorted(image["id"] for image in setting.train["images"])
    assert ids_of(setting, "suggested-seed0-1") == [all_ids[-1]]
    assert ids_of(setting, "suggested-seed0-4") == [all_ids[-1], *all_ids[:3]]
    assert ids_of(setting, "suggested-seed1-1") == [all_ids[-1]]
    assert [lesson["seed"] for lesson in taught] == [0, 0, 0, 1, 1, 1]
    content = json.loads(Path(taught[2]["train"]).read_text())
    assert [image["id"] for image in content["images"]] == ids_of(setting, "suggested-seed0-4")
    drawn = {row["image_id"] for row in content["annotations"]}
    assert drawn == {image["id"] for image in content["images"]}
    assert (taught[0]["held_out"], taught[0]["steps"]) == (None, 2)


def test_the_orders_by_share_and_by_number_are_kept_apart(
    setting: benchmark.Setting, taught: list[Any]
) -> None:
    """The folders and the file of the first order by share keep the names of earlier studies."""
    benchmark.run_all(setting, ["suggested", "doubtful"], 1, [1, 2], 60)
    all_ids = sorted(image["id"] for image in setting.train["images"])
    assert ids_of(setting, "suggested-seed0-2") == [all_ids[-1], all_ids[0]]
    assert ids_of(setting, "doubtful-seed0-2") == [all_ids[-1], all_ids[2]]
    kept = [setting.out / f"first-order-{name}.json" for name in ("nuclei", "doubtful-nuclei")]
    assert [json.loads(path.read_text()) for path in kept] == [all_ids[::-1], all_ids[:1:-1]]


def test_images_are_ordered_by_share_or_by_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two of four in doubt are a larger share, and three of twelve a larger number."""
    doubts = {"few": Doubt(2, 4, 2), "none": Doubt(0, 0, 0), "many": Doubt(3, 12, 3)}

    class Names:
        shown_from = 0.5

        def reading(self) -> None: ...

        def predict(self, image: Any, score: float) -> Any:
            return image

    monkeypatch.setattr(benchmark, "turned_back", lambda image: image)
    monkeypatch.setattr(benchmark, "Mirrored", lambda path, _: SimpleNamespace(load=lambda: path))
    monkeypatch.setattr(benchmark, "doubt_of", lambda path, *_: doubts[path.name])
    rows = [{"id": number, "file_name": name} for number, name in enumerate(doubts)]
    measures = benchmark.MEASURED_ORDERS
    assert benchmark.order_by(measures["suggested"], Names(), tmp_path, rows) == [0, 1, 2]
    assert benchmark.order_by(measures["doubtful"], Names(), tmp_path, rows) == [2, 0, 1]


def test_a_random_order_grows_and_depends_on_the_seed(
    setting: benchmark.Setting, taught: list[Any]
) -> None:
    benchmark.run_all(setting, ["random"], 2, [1, 2, 8], 60)
    first, two, eight = (ids_of(setting, f"random-seed0-{n}") for n in (1, 2, 8))
    assert eight[:2] == two and two[:1] == first
    assert len(set(eight)) == 8
    assert ids_of(setting, "random-seed1-8") != eight


def test_the_same_command_goes_on(setting: benchmark.Setting, taught: list[Any]) -> None:
    benchmark.run_all(setting, ["random"], 1, [1, 2], 0)
    assert not taught
    benchmark.run_all(setting, ["random"], 1, [1, 2], 60)
    assert len(taught) == 2
    (setting.out / "random-seed0-2" / "scores.json").unlink()
    benchmark.run_all(setting, ["random"], 1, [1, 2], 60)
    assert len(taught) == 2  # it had learned, and was not scored
    benchmark.run_all(setting, ["random"], 2, [1, 2], 60)
    assert len(taught) == 4
    lines = benchmark.table(setting, ["suggested", "random"], 2, [1, 2]).splitlines()
    assert lines[2:] == [
        "| 0 | | 0.100 | 0.500 | - | |",
        "| 1 | random | 0.150 (0.150 to 0.150) | 0.500 (0.500 to 0.500) | - | 2 |",
        "| 2 | random | 0.200 (0.200 to 0.200) | 0.500 (0.500 to 0.500) | - | 2 |",
    ]


def test_a_training_that_was_stopped_is_not_measured(
    setting: benchmark.Setting, taught: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = benchmark.learn
    monkeypatch.setattr(benchmark, "learn", lambda _: LessonState(phase="stopped"))
    with pytest.raises(KeyboardInterrupt):
        benchmark.run_all(setting, ["random"], 1, [1], 60)
    assert not (setting.out / "random-seed0-1" / "scores.json").exists()
    monkeypatch.setattr(benchmark, "learn", learned)
    benchmark.run_all(setting, ["random"], 1, [1], 60)
    assert len(taught) == 1


def test_a_training_that_was_killed_begins_again(
    setting: benchmark.Setting, taught: list[Any]
) -> None:
    place = setting.out / "random-seed0-1"
    run = RunFolder(place / "run")
    run.path.mkdir(parents=True)
    run.last.write_bytes(b"half")
    benchmark.run_all(setting, ["random"], 1, [1], 60)
    assert not run.last.exists()
    assert len(taught) == 1
