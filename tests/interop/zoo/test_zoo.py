"""The list of published checkpoints: complete, consistent with the presets, and usable."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from relook.config.presets import PRESETS
from relook.config.published import published_for
from relook.errors import DataError, ModelError, UsageError
from relook.interop.zoo import zoo
from relook.interop.zoo.zoo import MEGABYTES, ZOO, ZooFile, covered, fetch, find, verify
from relook.models.build import build_detector

CONTENT = b"weights, as it were"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("file", ZOO, ids=lambda file: file.name)
def test_every_entry_is_complete(file: ZooFile) -> None:
    assert file.url.startswith("https://")
    assert file.url.endswith(f"/{file.file_name}")
    assert file.name.removeprefix("authors_").removeprefix("torchvision_") in file.file_name
    assert len(file.hash_prefix) == 8
    int(file.hash_prefix, 16)
    assert 36 < file.box_ap < 60
    assert file.mask_ap is None or 34 < file.mask_ap < file.box_ap
    assert (file.preset is None) == bool(file.why_not)
    assert file.preset is None or file.preset in PRESETS
    assert file.split in {"val2017", "test-dev"}
    licences = {"authors": "DetectoRS authors", "torchvision": "BSD-3-Clause"}
    assert licences.get(file.name.partition("_")[0], "Apache-2.0") in file.licence


def test_nothing_is_listed_twice() -> None:
    assert len({file.name for file in ZOO}) == len(ZOO) == 52
    assert len({file.hash_prefix for file in ZOO}) == len(ZOO)
    assert not {file.name for file in ZOO} & set(PRESETS)


def test_names_follow_the_publishers_rules() -> None:
    by_name = {file.name: file for file in ZOO}
    assert by_name["detectors_htc_r50_1x_coco"].url == (
        "https://download.openmmlab.com/mmdetection/v2.0/detectors/detectors_htc_r50_1x_coco/"
        "detectors_htc_r50_1x_coco-329b1453.pth"
    )
    mask = by_name["cascade_mask_rcnn_r50_fpn_20e_coco"]
    assert mask.url == (
        "https://download.openmmlab.com/mmdetection/v2.0/cascade_rcnn/"
        "cascade_mask_rcnn_r50_fpn_20e_coco/cascade_mask_rcnn_r50_fpn_20e_coco_"
        "bbox_mAP-0.419__segm_mAP-0.365_20200504_174711-4af8e66e.pth"
    )
    assert (mask.box_ap, mask.mask_ap, mask.schedule) == (41.9, 36.5, "20e")


def test_models_have_the_outputs_that_were_measured() -> None:
    for file in covered():
        assert file.preset is not None
        assert PRESETS[file.preset].config.cascade.masks == (file.mask_ap is not None)


@pytest.mark.parametrize("name", sorted(MEGABYTES))
def test_sizes_are_those_of_the_presets(name: str) -> None:
    with torch.device("meta"):
        tensors = build_detector(PRESETS[name].config).state_dict().values()
    assert round(sum(t.numel() * t.element_size() for t in tensors) / 1e6) == MEGABYTES[name]


def test_sizes_are_known_of_what_is_covered() -> None:
    assert set(MEGABYTES) == {file.preset for file in covered()}
    assert all((file.megabytes is None) == (file.preset is None) for file in ZOO)


def test_every_published_number_of_the_zoo_has_its_file() -> None:
    for name in PRESETS:
        published = published_for(name)
        if published is None or "zoo" not in published.source:
            continue
        file = find(name)
        assert file.preset == name
        assert (file.box_ap, file.mask_ap) == (published.box, published.mask)
        assert "openmmlab" in file.url


def test_files_by_name() -> None:
    assert find("htc-r50").name == "htc_r50_fpn_1x_coco"
    assert find("htc-r50", "htc_r50_fpn_20e_coco").schedule == "20e"
    assert find("htc_r50_fpn_20e_coco").box_ap == 43.3
    assert find("detectors-htc-r50", "authors_detectors_htc_r50_1x_coco").split == "test-dev"
    assert find("authors_DetectoRS_R50").preset is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("htc-r5",), r"U01.*did you mean 'htc-r50'"),
        (("htc-r50", "coko"), r"U01.*did you mean 'coco'"),
        (("htc-r50", "their.pth"), r"U01.*loaded by its path alone"),
        (("htc-r50", "htc_r101_fpn_20e_coco"), r"U04.*is no htc-r50"),
        (("htc_r50_fpn_20e_coco", "htc_r50_fpn_1x_coco"), "U04.*is a file itself"),
    ],
)
def test_names_that_are_none(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find(*arguments)


@pytest.mark.parametrize("name", ["htc-tiny", "detectors-htc-x101-32x4d"])
def test_presets_without_a_file(name: str) -> None:
    with pytest.raises(ModelError, match=rf"M01.*{name}"):
        find(name)


@pytest.fixture
def published(web: Any, monkeypatch: pytest.MonkeyPatch) -> ZooFile:
    """A file of the zoo that the local site has."""
    name = f"detectors_htc_r50_1x_coco-{DIGEST[:8]}.pth"
    web.files[name] = CONTENT
    file = replace(find("detectors-htc-r50"), url=f"{web.url}/zoo/{name}")
    monkeypatch.setattr(zoo, "ZOO", (file,))
    return file


def test_a_file_comes_into_the_cache_folder(published: ZooFile, web: Any, cache: Path) -> None:
    result = fetch(published)
    assert result.path == published.path == cache / "checkpoints" / published.file_name
    assert result.path.read_bytes() == CONTENT
    assert result.received == len(CONTENT)
    web.close()
    assert fetch(published).received == 0


def test_the_cache_can_be_carried_to_another_machine(
    published: ZooFile, web: Any, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(published)
    web.close()
    cache.rename(tmp_path / "carried")
    monkeypatch.setenv("RELOOK_CACHE", str(tmp_path / "carried"))
    assert fetch(published).path.read_bytes() == CONTENT


def test_a_file_of_absurd_size_is_not_taken(published: ZooFile, monkeypatch: Any) -> None:
    monkeypatch.setitem(MEGABYTES, "detectors-htc-r50", 1e-5)
    with pytest.raises(ModelError, match=r"M06.*more than the 15 bytes"):
        fetch(published)


def test_what_a_file_is(published: ZooFile, tmp_path: Path) -> None:
    path = tmp_path / "renamed.bin"
    path.write_bytes(CONTENT)
    assert verify(path) == zoo.Verified(DIGEST, len(CONTENT), published)
    other = tmp_path / f"other-{hashlib.sha256(b'other').hexdigest()[:8]}.pth"
    other.write_bytes(b"other")
    assert verify(other).file is None
    other.write_bytes(b"changed")
    with pytest.raises(ModelError, match=r"M06.*damaged"):
        verify(other)
    path.write_bytes(b"changed")
    with pytest.raises(ModelError, match=r"M06.*cannot be verified"):
        verify(path)
    with pytest.raises(DataError, match="D01"):
        verify(tmp_path / "gone.pth")


def test_the_list_is_light() -> None:
    program = "import sys, relook.interop.zoo.zoo; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "False"


def test_the_files_of_torchvision_are_where_the_library_has_them() -> None:
    from torchvision.models import get_model_weights

    files = [file for file in ZOO if file.name.startswith("torchvision_")]
    assert len(files) == 4
    for file in files:
        theirs = get_model_weights(file.name.removeprefix("torchvision_"))["COCO_V1"]
        assert file.url == theirs.url
        metrics = theirs.meta["_metrics"]["COCO-val2017"]
        assert (file.box_ap, file.mask_ap) == (metrics["box_map"], metrics.get("mask_map"))
    assert find("mask-rcnn-r50", "torchvision").name == "torchvision_maskrcnn_resnet50_fpn"
    assert find("mask-rcnn-r50").name == "torchvision_maskrcnn_resnet50_fpn"
    with pytest.raises(UsageError, match="not among the published weights of htc-r50"):
        find("htc-r50", "torchvision")
