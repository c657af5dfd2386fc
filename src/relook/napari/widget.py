"""The dock widget: a model on an image layer, the score of its objects, and their COCO file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from magicgui import widgets
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog

from ..errors import RelookError, UsageError, counted
from .annotations import UNNAMED, LayerNotes, labelled_objects, save_coco
from .fields import UNITS, Fields
from .layers import NewLayer, Source, labels_of, source_of
from .objects import ScoreFilter
from .planes import pixel_size_of
from .running import Job, LayerImage, Progress, find_objects, least_score, options_of
from .running import shipped_models as names_of_models

if TYPE_CHECKING:
    from ..inference.options import PredictOptions
    from ..inference.predictor import Predictor

_EVERY: Final = 100  # milliseconds between two looks at a run
_LIVE: Final = 20_000_000  # values above which the slider acts when it is let go
_NONE: Final = "none"


@dataclass(slots=True, eq=False)
class _Found:
    """State of a labels layer that the widget made."""

    filter: ScoreFilter
    source: Source
    least: float
    score: float


_Work = tuple[NewLayer, _Found]


class FindObjects(widgets.Container):  # type: ignore[misc]
    """Find objects in an image layer with a model, and write them as annotations.

    Args:
        napari_viewer: The viewer whose layers are offered, and that gets the labels.
    """

    def __init__(self, napari_viewer: Any) -> None:
        self._viewer = napari_viewer
        self._found: dict[Any, _Found] = {}  # by the unique id of the labels layer
        self._models = names_of_models()
        self._loaded: tuple[str, Predictor] | None = None
        self._job: Job | None = None
        self._progress = Progress()
        self._is_quiet = False
        self.fields = Fields()
        self.fields.offer(
            images=self._layers_of(Image),
            axes=self._axes,
            models=lambda _: self._models,
            labels=self._layers_of(Labels),
            classes=self._class_names,
        )
        super().__init__(labels=True)
        self.extend(self.fields.rows())  # labels are aligned as rows come
        self._timer = QTimer(self.native)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self._look)
        self._connect()
        self.reset_choices()
        self._labels_changed()

    def _connect(self) -> None:
        self.fields.image.changed.connect(self._image_changed)
        self.fields.open_folder.changed.connect(self._choose_folder)
        self.fields.open_file.changed.connect(self._choose_file)
        self.fields.run.changed.connect(self._start)
        self.fields.cancel.changed.connect(self._cancel)
        self.fields.labels_layer.changed.connect(self._labels_changed)
        self.fields.score.changed.connect(self._score_changed)
        self.fields.new_class.changed.connect(self._class_changed)
        self.fields.measure.changed.connect(self._measure)
        self.fields.save.changed.connect(self._save)
        self._viewer.layers.events.inserted.connect(self.reset_choices)
        self._viewer.layers.events.removed.connect(self._removed)
        self.native.destroyed.connect(self._cancel)

    # What is offered

    def _layers_of(self, kind: Any) -> Any:
        def choices(_: Any) -> list[tuple[str, Any]]:
            return [(one.name, one) for one in self._viewer.layers if isinstance(one, kind)]

        return choices

    def _axes(self, _: Any) -> list[str]:
        layer = self.fields.image.value
        return [_NONE, *map(str, range(0 if layer is None else layer.ndim - 2))]

    def _class_names(self, _: Any) -> list[str]:
        notes = self._notes()
        return list(dict.fromkeys([*(entry.name for entry in notes.classes), notes.new_class]))

    def _image_changed(self) -> None:
        self.fields.channel_axis.reset_choices()

    def _removed(self) -> None:
        there = {layer.unique_id for layer in self._viewer.layers}
        self._found = {key: found for key, found in self._found.items() if key in there}
        self.reset_choices()

    def _choose_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self.native, "Run folder of relook")
        self.add_model(path)

    def _choose_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.native, "Model file", "", "Models (*.safetensors *.pth);;All files (*)"
        )
        self.add_model(path)

    def add_model(self, path: str) -> None:
        """Offer the model of a file or run folder, and choose it; nothing for an empty path."""
        if path:
            self._models = list(dict.fromkeys([*self._models, path]))
            self.fields.model.reset_choices()
            self.fields.model.value = path

    # A run

    def _start(self) -> None:
        with self._telling():
            options = options_of(
                tile=self.fields.tile.value,
                diameter=self.fields.diameter.value,
                channels=self.fields.channels.value,
            )
            source = self._source()
            progress, name = Progress(), str(self.fields.model.value)
            self._progress = progress
            self._job = Job(lambda: self._work(name, source, options, progress))
            self.fields.run.enabled, self.fields.cancel.enabled = False, True
            self._timer.start()

    def _work(
        self, name: str, source: Source, options: PredictOptions, progress: Progress
    ) -> _Work:
        """Predict and measure, in the thread of the run; nothing here touches the viewer."""
        image = LayerImage(source.file_name, source.plane.values)
        predictor, result = find_objects(lambda: self._load(name), image, options, progress)
        progress.begin("measuring objects")
        score, least = predictor.shown_from, least_score(predictor)
        new = labels_of(
            source, result, predictor.classes, score=score, least=least, notes=progress.notes
        )
        return new, _Found(new.kept, source, least, score)

    def _cancel(self) -> None:
        self._progress.cancel()

    def _source(self) -> Source:
        layer, axis = self.fields.image.value, self.fields.channel_axis.value
        unit = self.fields.unit.value
        if layer is None:
            raise UsageError("U04", "there is no image layer; open an image first")
        return source_of(
            layer,
            self._viewer.dims,
            channel_axis=None if axis in (None, _NONE) else int(axis),
            unit=None if unit == UNITS[0] else unit,
        )

    def _load(self, name: str) -> Predictor:
        from ..api import load

        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None
            self._loaded = (name, load(name))
        return self._loaded[1]

    def _look(self) -> None:
        job, progress = self._job, self._progress
        if job is None:
            return
        if not job.is_done:
            self.fields.bar.max = progress.total  # none: it runs
            self.fields.bar.value = progress.done
            tiles = f": tile {progress.done} of {progress.total}" if progress.total else ""
            self.fields.status.value = f"{progress.step}{tiles}"
            return
        self._timer.stop()
        self._job = None
        self.fields.run.enabled, self.fields.cancel.enabled = True, False
        self.fields.bar.max, self.fields.bar.value = 1, 0
        with self._telling():
            self._add(*job.result())

    def _add(self, new: NewLayer, found: _Found) -> None:
        layer = self._viewer.add_labels(new.data, **new.arguments)
        self._found[layer.unique_id] = found
        self.reset_choices()
        self.fields.labels_layer.value = layer
        self._labels_changed()
        self._say(new.words)

    # Objects of a layer

    def _labels_changed(self) -> None:
        found = self._of_layer()
        with self._quietly():
            self.fields.new_class.reset_choices()
            self.fields.new_class.value = self._notes().new_class
            self.fields.score.enabled = found is not None
            if found is not None:
                self.fields.score.tracking = found.source.plane.values.size <= _LIVE
                self.fields.score.value = found.score

    def _of_layer(self) -> _Found | None:
        layer = self.fields.labels_layer.value
        return None if layer is None else self._found.get(layer.unique_id)

    def _notes(self) -> LayerNotes:
        layer = self.fields.labels_layer.value
        return LayerNotes() if layer is None else LayerNotes.of(layer.metadata)

    def _score_changed(self, score: float) -> None:
        layer, found = self.fields.labels_layer.value, self._of_layer()
        if self._is_quiet or found is None:
            return
        with self._telling():
            data = np.asarray(layer.data)
            shown, columns = found.filter.at(score, data.reshape(data.shape[-2:]), layer.features)
            found.score = score
            layer.data = shown.reshape(data.shape)
            layer.features = columns
            text = f"{counted(len(columns['index']), 'object')} from score {score:.2f}"
            if score < found.least:
                text += f"; none below {found.least:.2f} were looked for"
            self._say(f"{text}; {found.filter.hidden} hidden")

    def _class_changed(self, name: str | None) -> None:
        layer = self.fields.labels_layer.value
        if self._is_quiet or layer is None or name is None:
            return
        notes = replace(self._notes(), new_class=name or UNNAMED)
        layer.metadata = {**layer.metadata, **notes.metadata()}

    def _measure(self) -> None:
        layer, found, notes = self.fields.labels_layer.value, self._of_layer(), self._notes()
        with self._telling():
            objects = labelled_objects(self._label_values(), layer.features, notes)
            size, samples = None, None
            if found is None:
                size, _ = pixel_size_of(layer.scale, [str(name) for name in layer.units])
            else:
                size, samples = found.source.pixel_size, found.source.samples
            layer.features = objects.columns(size, samples)
            self._say(f"measured: {objects.words(notes.new_class)}")

    def _save(self) -> None:
        """Write the layer, where the dialog asks before it takes a file that is there."""
        layer, notes = self.fields.labels_layer.value, self._notes()
        with self._telling():
            objects = labelled_objects(self._label_values(), layer.features, notes)
            name = notes.file_name or layer.name
            path, _ = QFileDialog.getSaveFileName(
                self.native, "Save as COCO", f"{Path(name).stem}.json", "COCO (*.json)"
            )
            if path:
                save_coco(Path(path), objects, name, over=True)
                found = self._of_layer()
                hidden = 0 if found is None else found.filter.hidden
                left_out = f"; {counted(hidden, 'hidden object')} not written" if hidden else ""
                self._say(f"{path}: {objects.words(notes.new_class)}{left_out}")

    def _label_values(self) -> Any:
        layer = self.fields.labels_layer.value
        if layer is None:
            raise UsageError("U04", "there is no labels layer; find objects first, or add one")
        return np.asarray(layer.data[0] if layer.multiscale else layer.data)

    # What is said

    def _say(self, text: str) -> None:
        self.fields.status.value = text

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Show errors for people in the widget; others are napari's to show."""
        try:
            yield
        except RelookError as error:
            self._say(str(error))

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._is_quiet = self._is_quiet, True
        try:
            yield
        finally:
            self._is_quiet = before
