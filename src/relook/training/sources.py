"""The data of a training, and what the data decides about the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from ..config.model import ModelConfig
from ..data.augment.copy_paste import CopyPaste, check_masks
from ..data.augment.transforms import evaluation_transforms, training_transforms
from ..data.coco.records import CocoIndex
from ..data.dataset import CocoDataset
from ..data.images.measured import stored_reading
from ..data.panoptic.reader import PanopticIndex
from ..data.semantics import SemanticChoice, choose_semantics, panoptic_semantics
from ..errors import UsageError
from ..structures.panoptic import PanopticCategory
from .annotations import Annotations, read_annotations
from .recipe import from_scratch
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Sources:
    """Annotation files, read and checked, and where semantic labels come from."""

    train: CocoIndex
    val: CocoIndex | None
    semantics: SemanticChoice
    stuff: tuple[PanopticCategory, ...] = ()  # what the labels mean, where they are panoptic
    panoptic_val: PanopticIndex | None = None  # what panoptic maps are validated on

    def training_set(self, settings: Settings) -> CocoDataset:
        """Augmented samples; images without objects are left out where the recipe says so."""
        recipe, semantic = settings.train, settings.model.semantic
        augment = recipe.augment
        return CocoDataset(
            self.train,
            training_transforms(settings.model.input.size, augment),
            self.semantics,
            copy_paste=CopyPaste(augment) if augment.copy_paste else None,
            keep_empty=recipe.keep_empty,
            min_image_side=recipe.min_image_side,
            num_semantic_classes=None if semantic is None else semantic.num_classes,
        )

    def validation_set(self, settings: Settings) -> CocoDataset | None:
        """Images as they are at test time; None without a validation file."""
        if self.val is None:
            return None
        return CocoDataset(self.val, evaluation_transforms(settings.model.input.size))


def read_sources(
    settings: Settings, annotations: Annotations | None = None
) -> tuple[Settings, Sources]:
    """The data that `settings` name, and the settings with what the data decides filled in:
    the number of classes, the semantic branch, group norm when starting from scratch.

    `annotations` are those of the data where they have been read already.

    Raises:
        DataError: What `read_annotations` raises.
        UsageError: U04 for semantics or a copy-paste that the data cannot give.
    """
    train, val, panoptic, panoptic_val = annotations or read_annotations(settings)
    if settings.train.augment.copy_paste:
        check_masks(train)
    choice = _semantics(settings, train, panoptic)
    model = _fitted(settings.model, len(train.classes), choice)
    reading = stored_reading(
        model.input.reading, [image.path for image in train.images], train.path.name
    )
    model = model.with_(input__reading=asdict(reading))
    mean, std = model.input.normalisation
    model = model.with_(input__mean=mean, input__std=std)
    train = replace(train, reading=reading)
    val = None if val is None else replace(val, reading=reading)
    if settings.train.from_scratch:
        model = from_scratch(model)
    settings = settings.with_(model=model)
    if panoptic is None or choice.mode != "panoptic":
        return settings, Sources(train, val, choice)
    return settings, Sources(train, val, choice, panoptic.stuff, panoptic_val)


def _fitted(model: ModelConfig, num_classes: int, choice: SemanticChoice) -> ModelConfig:
    semantic = None
    if choice.mode != "none":
        semantic = {} if model.semantic is None else asdict(model.semantic)
        if choice.num_classes is not None:
            semantic["num_classes"] = choice.num_classes
    if choice.mode == "panoptic":
        if model.stuff is not None:
            model = model.with_(stuff__num_classes=choice.num_classes)
        if model.semantic is None:
            semantic = None
    return model.with_(num_classes=num_classes, semantic=semantic)


def _semantics(
    settings: Settings, index: CocoIndex, panoptic: PanopticIndex | None
) -> SemanticChoice:
    recipe, stuff = settings.train, settings.model.stuff
    wanted = recipe.semantics
    if wanted == "panoptic" or (wanted == "auto" and panoptic is not None):
        if panoptic is None:
            raise UsageError(
                "U04",
                f"semantics: panoptic, but {index.path} has objects only. Give a COCO panoptic "
                "file, with its maps in the folder of the same name beside it.",
            )
        if stuff is not None or settings.model.semantic is not None or wanted == "panoptic":
            return panoptic_semantics(panoptic)
    if stuff is not None:
        raise UsageError(
            "U04",
            f"{settings.preset} has a stuff head, which learns from panoptic data, and semantics "
            f"are {wanted} from {index.path}. Give a COCO panoptic file, or take the same model "
            "without the head (--set model.stuff=null).",
        )
    if settings.model.semantic is None and wanted == "auto":
        return SemanticChoice("none", None, f"{settings.preset} has no semantic branch")
    return choose_semantics(wanted, index, recipe.semantic_maps)
