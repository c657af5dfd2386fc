"""Published checkpoints: their models, addresses and average precision.

All data is from the publishers' pages; no file was opened for it. The average precision is the
publisher's, on COCO val2017 unless `split` names another set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...config.presets import PRESETS
from ...config.published import published_for
from ...errors import DataError, ModelError, UsageError, did_you_mean
from .downloading import Download, Progress, check_hash, download, sha256_of
from .zoo_file import MEGABYTES, ZooFile

__all__ = ["MEGABYTES", "ZOO", "ZooFile", "Verified", "covered", "fetch", "find", "verify"]

COCO: Final = "coco"  # in place of a name: the file with a preset's published numbers
TORCHVISION: Final = "torchvision"  # in place of a name: torchvision's file of a preset
_SITE: Final = "https://download.openmmlab.com/mmdetection/v2.0"
_PYTORCH: Final = "https://download.pytorch.org/models"
_AUTHORS: Final = "https://cs.jhu.edu/~syqiao/DetectoRS"
_DETECTORS: Final = "not checked here: look into the repository of the DetectoRS authors"
_BSD: Final = (
    "BSD-3-Clause, as torchvision; its weights were trained on ImageNet and COCO, whose terms for "
    "images may apply"
)
_ROOM: Final = 1.5  # largest size of a file over the size of its weights
_HASH: Final = re.compile(r"-([0-9a-f]{8,64})$")  # in the names of published files


def _zoo(
    folder: str,
    name: str,
    ending: str,
    preset: str | None,
    ap: tuple[float, float | None],
    why_not: str = "",
) -> ZooFile:
    """A file of the MMDetection model zoo; its address follows from its name."""
    schedule = next(s for s in ("1x", "20e", "3x") if f"_{s}_" in name)
    url = f"{_SITE}/{folder}/{name}/{name}{ending}.pth"
    return ZooFile(name, url, schedule, *ap, preset, why_not)


def _from_authors(name: str, digest: str, preset: str, ap: tuple[float, float | None]) -> ZooFile:
    """A file of the DetectoRS authors for MMDetection 2; the numbers are those of their page."""
    url = f"{_AUTHORS}/{name}-{digest}.pth"
    return ZooFile(f"authors_{name}", url, "1x", *ap, preset, split="test-dev", licence=_DETECTORS)


def _first_release(name: str, digest: str, ap: tuple[float, float]) -> ZooFile:
    """A file of the DetectoRS authors for MMDetection 1."""
    why = (
        "made with MMDetection 1, which had other anchors, box coding and RoIAlign; "
        "`relook weights import --legacy` reads it, experimentally"
    )
    url = f"{_AUTHORS}/{name}-{digest}.pth"
    return ZooFile(f"authors_{name}", url, "40e, multi-scale", *ap, None, why, licence=_DETECTORS)


def _cascade(backbone: str, ending: str, box_ap: float, mask_ap: float | None = None) -> ZooFile:
    """A Cascade R-CNN or Cascade Mask R-CNN, of which presets cover one backbone."""
    kind, preset = ("", "cascade-r50") if mask_ap is None else ("mask_", "cascade-mask-r50")
    name = f"cascade_{kind}rcnn_{backbone}_coco"
    if "caffe" in backbone:
        why = "caffe style; no preset has it, but `relook weights import --style caffe` takes it"
    elif not backbone.startswith("r50"):
        why = "no preset has Cascade R-CNN on this backbone"
    else:
        return _zoo("cascade_rcnn", name, ending, preset, (box_ap, mask_ap))
    return _zoo("cascade_rcnn", name, ending, None, (box_ap, mask_ap), why)


def _torchvision(name: str, digest: str, preset: str, ap: tuple[float, float | None]) -> ZooFile:
    """A COCO detector of torchvision, at the address that the library has for it."""
    epochs = "400 epochs" if name.endswith("_v2") else "26 epochs"
    url = f"{_PYTORCH}/{name}_coco-{digest}.pth"
    return ZooFile(f"{TORCHVISION}_{name}", url, epochs, *ap, preset, licence=_BSD)


ZOO: Final[tuple[ZooFile, ...]] = (
    _zoo("detectors", "cascade_rcnn_r50_rfp_1x_coco", "-8cf51bfd", "cascade-r50-rfp", (44.8, None)),
    _zoo("detectors", "cascade_rcnn_r50_sac_1x_coco", "-24bfda62", "cascade-r50-sac", (45.0, None)),
    _zoo(
        "detectors",
        "detectors_cascade_rcnn_r50_1x_coco",
        "-32a10ba0",
        "detectors-cascade-r50",
        (47.4, None),
    ),
    _zoo("detectors", "htc_r50_rfp_1x_coco", "-8ff87c51", "htc-r50-rfp", (46.6, 40.9)),
    _zoo("detectors", "htc_r50_sac_1x_coco", "-bfa60c54", "htc-r50-sac", (46.4, 40.9)),
    _zoo("detectors", "detectors_htc_r50_1x_coco", "-329b1453", "detectors-htc-r50", (49.1, 42.6)),
    _zoo(
        "detectors",
        "detectors_htc_r101_20e_coco",
        "_20210419_203638-348d533b",
        "detectors-htc-r101",
        (50.5, 43.9),
    ),
    _zoo("htc", "htc_r50_fpn_1x_coco", "_20200317-7332cf16", "htc-r50", (42.3, 37.4)),
    _zoo("htc", "htc_r50_fpn_20e_coco", "_20200319-fe28c577", "htc-r50", (43.3, 38.3)),
    _zoo("htc", "htc_r101_fpn_20e_coco", "_20200317-9b41b48f", "htc-r101", (44.8, 39.6)),
    _zoo(
        "htc",
        "htc_x101_32x4d_fpn_16x1_20e_coco",
        "_20200318-de97ae01",
        "htc-x101-32x4d",
        (46.1, 40.5),
    ),
    _zoo(
        "htc",
        "htc_x101_64x4d_fpn_16x1_20e_coco",
        "_20200318-b181fd7a",
        "htc-x101-64x4d",
        (47.0, 41.4),
    ),
    _zoo(
        "htc",
        "htc_x101_64x4d_fpn_dconv_c3-c5_mstrain_400_1400_16x1_20e_coco",
        "_20200312-946fd751",
        "htc-x101-64x4d-dcn",
        (50.4, 43.8),
    ),
    _cascade("r50_fpn_1x", "_20200316-3dc56deb", 40.3),
    _cascade("r50_fpn_20e", "_bbox_mAP-0.41_20200504_175131-e9872a90", 41.0),
    _cascade("r101_fpn_1x", "_20200317-0b6a2fbf", 42.0),
    _cascade("r101_fpn_20e", "_bbox_mAP-0.425_20200504_231812-5057dcc5", 42.5),
    _cascade("x101_32x4d_fpn_1x", "_20200316-95c2deb6", 43.7),
    _cascade("x101_32x4d_fpn_20e", "_20200906_134608-9ae0a720", 43.7),
    _cascade("x101_64x4d_fpn_1x", "_20200515_075702-43ce6a30", 44.7),
    _cascade("x101_64x4d_fpn_20e", "_20200509_224357-051557b1", 44.5),
    _cascade("r50_caffe_fpn_1x", "_bbox_mAP-0.404_20200504_174853-b857be87", 40.4),
    _cascade("r101_caffe_fpn_1x", "_bbox_mAP-0.423_20200504_175649-cab8dbd5", 42.3),
    _cascade("r50_fpn_1x", "_20200203-9d4dcb24", 41.2, 35.9),
    _cascade("r50_fpn_20e", "_bbox_mAP-0.419__segm_mAP-0.365_20200504_174711-4af8e66e", 41.9, 36.5),
    _cascade("r101_fpn_1x", "_20200203-befdf6ee", 42.9, 37.3),
    _cascade(
        "r101_fpn_20e", "_bbox_mAP-0.434__segm_mAP-0.378_20200504_174836-005947da", 43.4, 37.8
    ),
    _cascade("x101_32x4d_fpn_1x", "_20200201-0f411b1f", 44.3, 38.3),
    _cascade("x101_32x4d_fpn_20e", "_20200528_083917-ed1f4751", 45.0, 39.0),
    _cascade("x101_64x4d_fpn_1x", "_20200203-9a2db89d", 45.3, 39.2),
    _cascade("x101_64x4d_fpn_20e", "_20200512_161033-bdb5126a", 45.6, 39.5),
    _cascade("r50_fpn_mstrain_3x", "_20210628_164719-5bdc3824", 44.3, 38.5),
    _cascade("r101_fpn_mstrain_3x", "_20210628_165236-51a2d363", 45.5, 39.6),
    _cascade("x101_32x4d_fpn_mstrain_3x", "_20210706_225234-40773067", 46.3, 40.1),
    _cascade("x101_32x8d_fpn_mstrain_3x", "_20210719_180640-9ff7e76f", 46.1, 39.9),
    _cascade("x101_64x4d_fpn_mstrain_3x", "_20210719_210311-d3e64ba0", 46.6, 40.3),
    _cascade(
        "r50_caffe_fpn_1x", "_bbox_mAP-0.412__segm_mAP-0.36_20200504_174659-5004b251", 41.2, 36.0
    ),
    _cascade(
        "r101_caffe_fpn_1x", "_bbox_mAP-0.432__segm_mAP-0.376_20200504_174813-5c1e9599", 43.2, 37.6
    ),
    _cascade("r50_caffe_fpn_mstrain_3x", "_20210707_002651-6e29b3a6", 44.0, 38.1),
    _cascade("r101_caffe_fpn_mstrain_3x", "_20210707_002620-a5bd2389", 45.4, 39.5),
    _from_authors("cascade_rcnn_r50_rfp_1x_coco", "8713b310", "cascade-r50-rfp", (45.0, None)),
    _from_authors("cascade_rcnn_r50_sac_1x_coco", "a6e88a40", "cascade-r50-sac", (45.0, None)),
    _from_authors(
        "detectors_cascade_rcnn_r50_1x_coco", "7b6ec977", "detectors-cascade-r50", (47.5, None)
    ),
    _from_authors("htc_r50_rfp_1x_coco", "4357af3e", "htc-r50-rfp", (46.3, 40.5)),
    _from_authors("htc_r50_sac_1x_coco", "cfbac01d", "htc-r50-sac", (46.5, 41.0)),
    _from_authors("detectors_htc_r50_1x_coco", "ac1ebf3a", "detectors-htc-r50", (49.0, 42.7)),
    _first_release("DetectoRS_R50", "0f1c8080", (51.1, 44.0)),
    _first_release("DetectoRS_X101", "ed983634", (52.9, 45.3)),
    _torchvision("fasterrcnn_resnet50_fpn", "258fb6c6", "faster-rcnn-r50", (37.0, None)),
    _torchvision("maskrcnn_resnet50_fpn", "bf2d0c1e", "mask-rcnn-r50", (37.9, 34.6)),
    _torchvision("fasterrcnn_resnet50_fpn_v2", "dd69338a", "faster-rcnn-r50-v2", (46.7, None)),
    _torchvision("maskrcnn_resnet50_fpn_v2", "73cbd019", "mask-rcnn-r50-v2", (47.4, 41.8)),
)
"""The COCO checkpoints of this family, those of every preset and the others."""


def covered() -> tuple[ZooFile, ...]:
    """The files that a preset covers."""
    return tuple(file for file in ZOO if file.preset is not None)


def find(name: str, weights: str = COCO) -> ZooFile:
    """The file called `name`, or the file `weights` of the preset called `name`.

    ``"coco"`` is the file with the preset's published numbers, ``"torchvision"`` that of
    torchvision.

    Raises:
        UsageError: U01 for a name that is not listed, U04 for a file that is not of the preset.
        ModelError: M01 for a preset without a published file.
    """
    by_name = {file.name: file for file in ZOO}
    if name in by_name:
        if weights not in (COCO, name):
            raise UsageError("U04", f"{name} is a file itself; leave {weights!r} out")
        return by_name[name]
    if name not in PRESETS:
        close = did_you_mean(name, [*PRESETS, *by_name])
        hint = close if close.startswith("did") else "`relook weights list` has them all"
        raise UsageError("U01", f"no published checkpoint is called {name!r}; {hint}")
    files = [file for file in ZOO if file.preset == name]
    if not files:
        raise ModelError(
            "M01",
            f"no weights of {name} are listed here. Train it, or import a file that you have with "
            "`relook weights import`.",
        )
    if weights == COCO:
        return _default(name, files)
    names = [file.name for file in files]
    own = [file for file in files if file.name.startswith(f"{TORCHVISION}_")]
    if weights == TORCHVISION and own:
        return own[0]
    if weights in names:
        return by_name[weights]
    if weights in by_name:
        raise UsageError("U04", f"{weights} is no {name}; its files are {', '.join(names)}")
    raise UsageError(
        "U01",
        f"{weights!r} is not among the published weights of {name}; "
        f"{did_you_mean(weights, [COCO, *names])}. A file of your own is loaded by its path alone.",
    )


def _default(name: str, files: list[ZooFile]) -> ZooFile:
    published = published_for(name)
    matching = [
        f for f in files if published and (f.box_ap, f.mask_ap) == (published.box, published.mask)
    ]
    return (matching or files)[0]


def fetch(file: ZooFile, *, progress: Progress | None = None) -> Download:
    """The file on this machine, downloaded if it is not in the cache folder.

    Raises:
        ModelError: M06 when it cannot be downloaded, or is not the published file.
        UsageError: U03 for mirrors that are no addresses.
        RelookError: R02 when it cannot be written.
    """
    max_bytes = None if file.megabytes is None else int(file.megabytes * 1e6 * _ROOM)
    return download(
        file.url,
        file.path,
        hash_prefix=file.hash_prefix,
        title=file.name,
        max_bytes=max_bytes,
        progress=progress,
    )


@dataclass(frozen=True, slots=True)
class Verified:
    """Identity of a file, by its hash."""

    sha256: str
    size: int  # bytes
    file: ZooFile | None  # the published file; None: not listed, but its name has its hash


def verify(path: Path) -> Verified:
    """Identify the file at `path` by its hash alone; it is not opened otherwise.

    Raises:
        DataError: D01 when there is no such file.
        ModelError: M06 when the hash in its name is another one, or when it is not listed and has
            no hash in its name.
    """
    if not path.is_file():
        raise DataError("D01", f"{path}: there is no such file.")
    sha256 = sha256_of(path)
    published = next((file for file in ZOO if sha256.startswith(file.hash_prefix)), None)
    if published is None:
        stated = _HASH.search(path.stem)
        if stated is None:
            raise ModelError(
                "M06",
                f"{path} cannot be verified: no published file that is listed here has its "
                f"SHA-256 ({sha256}), and its name holds no hash to compare with.",
            )
        check_hash(path, stated[1])
    return Verified(sha256, path.stat().st_size, published)
