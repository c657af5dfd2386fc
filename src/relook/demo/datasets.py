"""Where the images of the demonstration are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..data.coco.reader import CocoIndex, read_coco
from ..errors import DataError


@dataclass(frozen=True, slots=True)
class DemoData:
    """One annotated data set of the repository."""

    folder: Path

    @property
    def images(self) -> Path:
        """Folder of the images of both parts."""
        return self.folder / "images"

    @property
    def train_json(self) -> Path:
        """Annotations to learn from."""
        return self.folder / "annotations" / "instances_train.json"

    @property
    def val_json(self) -> Path:
        """Annotations to be measured by."""
        return self.folder / "annotations" / "instances_val.json"

    def validation(self) -> CocoIndex:
        """The validation part, read."""
        return read_coco(self.val_json, self.images)


def find_data(folder: Path | None, name: str) -> DemoData:
    """The data set called `name` in `folder`, by default in datasets/ under the current folder.

    Raises:
        DataError: D01 when it is not there, saying how to get it.
    """
    found = DemoData((folder or Path("datasets")) / name)
    for file in (found.train_json, found.val_json):
        if not file.is_file():
            raise DataError(
                "D01",
                f"{found.folder}: the images of the demo are not here ({file.name} is missing). "
                "They come with the source code of relook, not with the installed package: run "
                "the demo there, or pass --data FOLDER with nuclei/ and mushrooms/ in it.",
            )
    return found
