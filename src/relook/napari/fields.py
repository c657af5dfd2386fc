"""The fields of the dock widget, and how they are arranged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from magicgui import widgets

UNITS: Final = ("of the layer", "um", "nm", "mm")

Choices = Callable[[Any], Any]  # what a field offers, asked each time that layers change


class Fields:
    """The fields of the widget, by their purpose."""

    def __init__(self) -> None:
        self.image = widgets.ComboBox(label="image")
        self.channel_axis = widgets.ComboBox(label="channel axis")
        self.model = widgets.ComboBox(label="model")
        self.open_folder = widgets.PushButton(text="Run folder...")
        self.open_file = widgets.PushButton(text="Model file...")
        self.tile = widgets.LineEdit(label="tile", value="auto")
        self.diameter = widgets.LineEdit(label="diameter")
        self.channels = widgets.LineEdit(label="channels")
        self.unit = widgets.ComboBox(label="unit of scale", choices=UNITS)
        self.run = widgets.PushButton(text="Find objects")
        self.cancel = widgets.PushButton(text="Cancel", enabled=False)
        self.bar = widgets.ProgressBar(label="progress", min=0, max=1, value=0)
        self.labels_layer = widgets.ComboBox(label="objects")
        self.score = widgets.FloatSlider(label="least score", min=0.0, max=1.0, step=0.01)
        self.new_class = widgets.ComboBox(label="new labels are")
        self.measure = widgets.PushButton(text="Measure again")
        self.save = widgets.PushButton(text="Save as COCO...")
        self.status = widgets.TextEdit(value="Choose an image and a model.")
        self.status.read_only = True
        self._explain()

    def offer(
        self, *, images: Choices, axes: Choices, models: Choices, labels: Choices, classes: Choices
    ) -> None:
        """Set what the fields offer; it is asked at once, in this order."""
        self.image.choices = images
        self.channel_axis.choices = axes
        self.model.choices = models
        self.labels_layer.choices = labels
        self.new_class.choices = classes

    def rows(self) -> list[Any]:
        """The fields from top to bottom."""
        return [
            self.image,
            self.channel_axis,
            self.model,
            _beside(self.open_folder, self.open_file),
            self.tile,
            self.diameter,
            self.channels,
            self.unit,
            _beside(self.run, self.cancel),
            self.bar,
            self.labels_layer,
            self.score,
            self.new_class,
            _beside(self.measure, self.save),
            _beside(self.status),
        ]

    def _explain(self) -> None:
        tips = {
            self.channel_axis: "Axis whose positions are the channels of one image.",
            self.tile: "auto, off, or the side of the tiles of a large image in pixels.",
            self.diameter: "Pixels across an object, or auto; empty: as the model was trained.",
            self.channels: "Channels by number, such as 0 or 0,1,2; empty: grey or RGB.",
            self.unit: "Unit of the layer's scale where the layer names none.",
            self.score: "Hides objects with a lower score. The model does not run again.",
            self.new_class: "Class of the labels that you draw.",
            self.measure: "Make the table of the objects as they are in the layer now.",
        }
        for field, tip in tips.items():
            field.tooltip = tip


def _beside(*fields: Any) -> Any:
    return widgets.Container(widgets=fields, layout="horizontal", labels=False)
