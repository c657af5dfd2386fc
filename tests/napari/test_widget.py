"""The dock widget in napari, without a screen: `make napari` installs it and runs this."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.inference.predictor import Predictor

from ..narrow_models import FEW_TO_DETECT, narrow_config, predictor_of

pytest.importorskip("napari", reason="make napari")
pytestmark = [pytest.mark.napari, pytest.mark.filterwarnings("ignore")]

SIDE = 64


@pytest.fixture(scope="module")
def app() -> Any:
    from napari.qt import get_qapp

    return get_qapp()


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    config = narrow_config(num_classes=2, input__size=(SIDE, SIDE), **FEW_TO_DETECT)
    return predictor_of(config)


@pytest.fixture
def viewer(app: Any) -> Any:
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def widget(viewer: Any, predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from napari.utils._proxies import PublicOnlyProxy

    from relook.napari.widget import FindObjects

    monkeypatch.setattr("relook.api.load", lambda name: predictor)
    widget = FindObjects(PublicOnlyProxy(viewer))  # as napari hands it to plugins
    yield widget
    widget.native.close()


@pytest.fixture
def finish(app: Any, widget: Any) -> Callable[[], str]:
    """Press the button, wait for the end of the run, and return what the widget says."""

    def run() -> str:
        widget.fields.run.changed.emit(True)
        end = time.monotonic() + 60
        while widget._job is not None and time.monotonic() < end:
            app.processEvents()
            time.sleep(0.01)
        assert widget._job is None
        return str(widget.fields.status.value)

    return run


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4000, shape, np.uint16)


def threshold(viewer: Any) -> float:
    """A score with objects above and below it."""
    scores = sorted(viewer.layers[-1].features["score"])
    return float(scores[len(scores) // 2]) + 1e-6


def test_the_plugin_is_found(app: Any) -> None:
    import npe2

    manager = npe2.PluginManager.instance()
    manager.discover()
    manifest = manager.get_manifest("relook")
    for command in manifest.contributions.commands or ():
        assert command.python_name is not None
        assert callable(npe2.manifest.utils.import_python_name(command.python_name))
    (widget,) = manifest.contributions.widgets or ()
    assert widget.display_name == "relook: find objects"


def test_objects_of_a_stack(widget: Any, viewer: Any, finish: Callable[[], str]) -> None:
    stack = viewer.add_image(image(3, SIDE, SIDE), scale=(2, 0.5, 0.5), units=("um",) * 3)
    assert widget.fields.image.value is stack
    viewer.dims.set_current_step(0, 2)
    said = finish()
    layer = viewer.layers[-1]
    assert "the current plane (2 of 3 along axis 0)" in said
    assert "pixels of 0.5 x 0.5 µm" in said
    assert layer.data.shape == (1, SIDE, SIDE)
    assert layer.translate.tolist() == [4, 0, 0]
    assert layer.units == stack.units
    assert set(np.unique(layer.data)) - {0} == set(layer.features["index"])
    row = layer.features.iloc[0]
    assert row["area_um2"] == row["area"] * 0.25
    assert layer._get_properties((4, row["centroid_y_um"], row["centroid_x_um"]), world=True)


def test_the_slider_is_live_and_corrections_stay(
    widget: Any, viewer: Any, finish: Callable[[], str]
) -> None:
    viewer.add_image(image(SIDE, SIDE))
    finish()
    layer = viewer.layers[-1]
    count, middle = len(layer.features), threshold(viewer)
    widget.fields.score.value = middle
    assert len(layer.features) < count
    assert set(np.unique(layer.data)) - {0} <= set(layer.features["index"])
    layer.data[0, :5] = int(layer.data.max()) + 1  # as napari's brush does
    widget.fields.score.value = 0.0
    assert (layer.data[0, :5] > count).all()
    assert len(layer.features) == count


def test_a_colour_image_and_a_pyramid(widget: Any, viewer: Any, finish: Callable[[], str]) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 4), np.uint8)
    viewer.add_image(colours, rgb=True)
    assert "alpha left out" in finish()
    grey = image(2 * SIDE, 2 * SIDE)
    pyramid = viewer.add_image([grey, grey[::2, ::2]], multiscale=True)
    widget.fields.image.value = pyramid
    widget.fields.tile.value = "64"
    assert "full resolution of 2" in finish()
    assert viewer.layers[-1].data.shape == grey.shape


def test_channels_along_an_axis(widget: Any, viewer: Any, finish: Callable[[], str]) -> None:
    viewer.add_image(image(2, SIDE, SIDE))
    assert widget.fields.channel_axis.choices == ("none", "0")
    widget.fields.channel_axis.value = "0"
    assert "--channels" in finish()
    widget.fields.channels.value = "1"
    assert "channels along axis 0 (2)" in finish()
    layer = viewer.layers[-1]
    assert layer.ndim == 2
    assert "mean_c1" in layer.features


def test_what_cannot_be_done_is_said(widget: Any, viewer: Any, finish: Callable[[], str]) -> None:
    assert "open an image first" in finish()
    viewer.add_image(image(3, SIDE, SIDE))
    viewer.dims.ndisplay = 3
    assert "Switch it to 2D" in finish()
    viewer.dims.ndisplay = 2
    widget.fields.tile.value = "small"
    assert "expected auto, off or a number" in finish()
    assert len(viewer.layers) == 1
    assert widget.fields.run.enabled


def test_a_run_is_cancelled(
    widget: Any, viewer: Any, finish: Callable[[], str], monkeypatch: Any
) -> None:
    viewer.add_image(image(2 * SIDE, 2 * SIDE))
    widget.fields.tile.value = "64"
    load = type(widget)._load
    monkeypatch.setattr(
        type(widget), "_load", lambda self, name: self._cancel() or load(self, name)
    )
    assert "cancelled" in finish()
    assert len(viewer.layers) == 1
    assert (widget.fields.run.enabled, widget.fields.cancel.enabled) == (True, False)


def test_corrections_are_measured_and_saved(
    widget: Any,
    viewer: Any,
    finish: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from qtpy.QtWidgets import QFileDialog

    path = tmp_path / "a.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    viewer.add_image(image(1, SIDE, SIDE), name="cells")
    finish()
    layer = viewer.layers[-1]
    widget.fields.score.value = threshold(viewer)
    new = int(layer.data.max()) + 1
    layer.data[0, 10:20, 10:20] = new
    widget.fields.new_class.value = "bolt"
    widget.fields.measure.changed.emit(True)
    rows = layer.features.set_index("index")
    assert rows.loc[new, "area"] == 100
    assert rows.loc[new, "class"] == "bolt"
    widget.fields.save.changed.emit(True)
    document = json.loads(path.read_text())
    assert document["images"][0]["file_name"] == "cells"
    assert len(document["annotations"]) == len(rows)
    drawn = document["annotations"][sorted(rows.index).index(new)]
    assert (drawn["area"], drawn["category_id"], "score" in drawn) == (100, 9, False)
    assert "not written" in widget.fields.status.value
    path.write_text("mine")
    with pytest.raises(Exception, match="exists"):
        write(layer, path)
    assert path.read_text() == "mine"
    path.unlink()
    write(layer, path)
    assert json.loads(path.read_text()) == document


def write(layer: Any, path: Path) -> None:
    """Write the layer as napari's own dialog does."""
    from npe2 import write as write_by_plugin

    write_by_plugin(str(path), [layer.as_layer_data_tuple()], plugin_name="relook")


def test_layers_that_relook_did_not_make(widget: Any, viewer: Any) -> None:
    layer = viewer.add_labels(np.eye(6, dtype=int), scale=(2, 2), units=("um", "um"))
    assert not widget.fields.score.enabled
    widget.fields.measure.changed.emit(True)
    assert layer.features["area_um2"].tolist() == [24]
    assert layer.features["class"].tolist() == ["object"]
    viewer.layers.remove(layer)
    widget.fields.measure.changed.emit(True)
    assert "no labels layer" in widget.fields.status.value


def test_a_model_of_ones_own_is_offered(widget: Any, viewer: Any) -> None:
    widget.add_model("runs/mine")
    assert widget.fields.model.value == "runs/mine"
    widget.add_model("")
    assert widget.fields.model.choices.count("runs/mine") == 1
