"""What is known of a published checkpoint by its address."""

from __future__ import annotations

from pathlib import Path

from relook.interop.zoo.zoo_file import ZooFile


def test_a_file_has_its_name_hash_and_place(cache: Path) -> None:
    url = "https://nowhere.invalid/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"
    file = ZooFile("x", url, "1x", 40.0, None, "mask-rcnn-r50")
    assert file.file_name == "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"
    assert (file.hash_prefix, file.megabytes) == ("bf2d0c1e", 178)
    assert file.path == cache / "checkpoints" / file.file_name
    assert ZooFile("x", url, "1x", 40.0, None, None, "no preset").megabytes is None
