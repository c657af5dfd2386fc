"""Downloads of a project: which images and objects a file has."""

from __future__ import annotations

from collections.abc import Collection

from ...errors import UsageError
from .downloads import Download, make_download
from .project import Project


def download(
    project: Project,
    kind: str,
    ids: Collection[int] | None,
    min_score: float,
    model: str | None = None,
) -> Download:
    """The objects of images as a file of one kind; None as `ids` is all that have objects.

    Predicted objects with a score below `min_score` (0: the model's threshold) are left out; those
    that a person accepted or drew stay. Of images that were not corrected it is what `model` found,
    else what the newest model did.

    Raises:
        UsageError: U01 for an unknown image, kind or model, U04 for an image without objects.
    """
    name = None if model is None else project.models.name(model)
    entries = list(project.images) if ids is None else [project.images.get(i) for i in ids]
    chosen = []
    for entry in entries:
        objects = project.current_objects(entry, min_score or 1, name)
        if objects is not None:
            kept = [o for o in objects if o.state != "predicted" or (o.score or 0) >= min_score]
            chosen.append((entry, kept))
        elif ids is not None:
            raise UsageError(
                "U04", f"{entry.name} was not looked at yet. Open it, then download again."
            )
    if not chosen:
        raise UsageError("U04", "no image was looked at yet. Open one, then download again.")
    results = (
        (entry.path, entry.name, project.result_of(entry, objects)) for entry, objects in chosen
    )
    return make_download(kind, results, project.categories(), project.reading)


def without_objects(project: Project) -> int:
    """The number of images that were neither predicted nor corrected."""
    return sum(project.current_objects(entry) is None for entry in project.images)
