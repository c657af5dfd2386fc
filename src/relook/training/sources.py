"""The data of a training, and what the data decides about the model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..config import ModelConfig
from ..data.coco import CocoIndex, read_coco
from ..data.dataset import CocoDataset
from ..data.semantics import SemanticChoice, choose_semantics
from ..data.transforms import evaluation_transforms, training_transforms
from ..errors import DataError, UsageError
from .recipe import from_scratch
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Sources:
    """Annotation files, read and checked."""

    train: CocoIndex
    val: CocoIndex | None
    semantics: SemanticChoice

    def training_set(self, settings: Settings) -> CocoDataset:
        """Augmented samples; images without objects are left out where the recipe says so."""
        augment = settings.train.augment
        size = settings.model.input.size
        return CocoDataset(
            kept_images(self.train, settings.train.keep_empty),
            training_transforms(
                size=augment.size or (size, size),
                scale_jitter=augment.scale_jitter,
                crop=augment.crop,
                flip=augment.flip,
                vertical_flip=augment.vertical_flip,
                colour=augment.colour,
            ),
            self.semantics,
        )

    def validation_set(self, settings: Settings) -> CocoDataset | None:
        """Images as they are at test time; None without a validation file."""
        if self.val is None:
            return None
        return CocoDataset(self.val, evaluation_transforms(settings.model.input.size), None)


def read_sources(settings: Settings) -> tuple[Settings, Sources]:
    """The data that `settings` name, and the settings with what the data decides filled in:
    the number of classes, the semantic branch, group norm when starting from scratch.

    Raises:
        DataError: what is wrong with a file; D11 without images or objects, D13 when the two
            files do not agree on the classes.
        UsageError: U04 for a model with masks and data without.
    """
    data = settings.data
    train = read_coco(data.train_json, data.train_images)
    val = None
    if data.val_json is not None:
        val = read_coco(data.val_json, data.val_images or data.train_images)
        _check_classes(train, val)
    if not any(not item.is_crowd for image in train.images for item in image.objects):
        raise DataError("D11", f"{train.path}: {len(train.images)} images, but no object to learn.")
    model = settings.model
    if model.cascade.masks and not train.has_masks:
        raise UsageError(
            "U04",
            f"{train.path} has boxes only, and {settings.preset} predicts masks. Choose a model for "
            "boxes, such as detectors-cascade-r50, or switch masks off: --set cascade.masks=false "
            "--set cascade.interleaved=false --set cascade.mask_flow=false.",
        )
    choice = _semantics(settings, train)
    semantic = None
    if choice.mode != "none":
        fields = {} if model.semantic is None else model.semantic.model_dump()
        semantic = {**fields, "num_classes": choice.num_classes or fields.get("num_classes", 183)}
    model = model.with_(num_classes=len(train.classes), semantic=semantic)
    if settings.train.from_scratch:
        model = from_scratch(model)
    return settings.with_(model=model), Sources(train, val, choice)


def kept_images(index: CocoIndex, keep_empty: bool) -> CocoIndex:
    """`index`, without the images that have no objects unless they are to be kept."""
    if keep_empty:
        return index
    images = tuple(im for im in index.images if any(not o.is_crowd for o in im.objects))
    return replace(index, images=images)


def _semantics(settings: Settings, index: CocoIndex) -> SemanticChoice:
    recipe = settings.train
    if settings.model.semantic is None and recipe.semantics == "auto":
        return SemanticChoice("none", None, f"{settings.preset} has no semantic branch")
    if recipe.semantics == "maps" and recipe.semantic_maps is None:
        raise UsageError("U04", "semantics from maps need their folder; pass --semantic-maps DIR.")
    return choose_semantics(recipe.semantics, index, recipe.semantic_maps)


def _check_classes(train: CocoIndex, val: CocoIndex) -> None:
    ours, theirs = [c.name for c in train.classes], [c.name for c in val.classes]
    if ours != theirs:
        unknown = sorted(set(theirs) - set(ours)) or ["the same names in another order"]
        raise DataError(
            "D13",
            f"{val.path} and {train.path} do not agree on the classes: the first has "
            f"{', '.join(unknown[:5])}. Scores would compare different things; make the "
            '"categories" of both files equal.',
        )


def describe_size(config: ModelConfig) -> str:
    """The test size in words."""
    long, short = config.input.size
    return f"at most {long} x {short} (long x short side)"
