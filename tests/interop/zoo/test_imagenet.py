"""ImageNet weights: what is loaded, and what happens without internet."""

from __future__ import annotations

import hashlib
import http.server
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.resnet import Bottleneck, ResNet

from relook.config.model import ModelConfig
from relook.config.presets import PRESETS, preset
from relook.errors import ModelError, UsageError
from relook.interop.zoo import imagenet
from relook.interop.zoo.imagenet import URLS, cache_path, fetch, load_imagenet
from relook.models.build import build_detector
from relook.models.detector import Detector

from ...narrow_models import narrow_config


@pytest.fixture(scope="module")
def classifier() -> ResNet:
    """A classifier with statistics that are not the neutral ones."""
    torch.manual_seed(0)
    network = ResNet(Bottleneck, [1, 1, 1, 1], num_classes=5).eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
    return network


class Site:
    """A local web site that holds files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(folder))

            def do_GET(self) -> None:
                site.requests.append(self.path)
                super().do_GET()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    site = Site(folder)
    yield site
    site.close()


@pytest.fixture
def publish(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Path]]:
    """Puts a state dict on the local site as the file of "resnet50"; gives its cache path."""
    hub = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))

    def put(content: Any, digest: str | None = None, name: str = "resnet50") -> Path:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        digest = digest or hashlib.sha256(buffer.getvalue()).hexdigest()[:8]
        (site.folder / f"{name}-{digest}.pth").write_bytes(buffer.getvalue())
        monkeypatch.setitem(URLS, name, f"{site.url}/{name}-{digest}.pth")
        return cache_path(name)

    yield put
    torch.hub.set_dir(hub)


def small(name: str, **changes: Any) -> ModelConfig:
    """The preset's kind of backbone, one block a stage, and hardly any heads."""
    return narrow_config(name, backbone__width=preset(name).backbone.width, **changes)


def maps(network: ResNet, pixels: Tensor) -> list[Tensor]:
    x = network.maxpool(network.relu(network.bn1(network.conv1(pixels))))
    out = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
        out.append(x)
    return out


@pytest.mark.parametrize("name", ["cascade-r50", "detectors-cascade-r50"])
@torch.no_grad()
def test_every_look_computes_what_the_classifier_did(
    name: str, classifier: ResNet, publish: Callable[..., Path]
) -> None:
    publish(classifier.state_dict())
    config = small(name)
    detector = build_detector(config).eval()
    report = load_imagenet(detector, config.backbone, progress=False)
    assert report is not None
    pixels = torch.randn(1, 3, 96, 96)
    features: Any = detector.features
    assert len(features.backbones) == config.pyramid.steps == report.num_backbones
    for backbone in features.backbones:
        for ours, theirs in zip(backbone(pixels), maps(classifier, pixels), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.abs().max())


def test_the_report_says_what_stays_fresh(classifier: ResNet, publish: Callable[..., Path]) -> None:
    publish(classifier.state_dict())
    config = small("detectors-cascade-r50")
    report = load_imagenet(build_detector(config), config.backbone, progress=False)
    assert report is not None
    assert report.dropped == ("fc.weight", "fc.bias")
    assert report.num_tensors == len(classifier.state_dict()) - 2
    assert "1.layer2.0.feedback.weight" in report.fresh
    assert "0.layer2.0.conv2.switch.weight" in report.fresh
    assert not [key for key in report.fresh if "layer1" in key or "bn" in key or "gamma" in key]
    assert "ImageNet weights resnet50" in str(report)
    assert "in each of 2 looks" in str(report)
    plain = small("cascade-r50")
    nothing_fresh = load_imagenet(build_detector(plain), plain.backbone, progress=False)
    assert nothing_fresh is not None
    assert nothing_fresh.fresh == ()


def test_deformable_convolutions_take_plain_kernels(
    classifier: ResNet, publish: Callable[..., Path]
) -> None:
    publish(classifier.state_dict())
    config = small("cascade-r50", backbone__deformable_stages=(False, True, True, True))
    detector = build_detector(config)
    report = load_imagenet(detector, config.backbone, progress=False)
    assert report is not None
    assert all(".conv2.offset." in key for key in report.fresh)
    features: Any = detector.features
    ours = features.backbone.layer3[0].conv2.weight
    assert torch.equal(ours, classifier.state_dict()["layer3.0.conv2.weight"])


def test_a_file_is_downloaded_once(
    classifier: ResNet, publish: Callable[..., Path], site: Site
) -> None:
    cached = publish({"state_dict": classifier.state_dict()})  # one more layer, as the zoo has
    assert fetch("resnet50", progress=False).keys() == classifier.state_dict().keys()
    assert cached.is_file()
    assert fetch("resnet50", progress=False).keys() == classifier.state_dict().keys()
    assert len(site.requests) == 1


def no_weights(publish: Callable[..., Path], code: str = "M06") -> str:
    config = small("cascade-r50")
    detector = build_detector(config)
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    with pytest.raises(ModelError, match=code) as caught:
        load_imagenet(detector, config.backbone, progress=False)
    assert all(torch.equal(v, before[k]) for k, v in detector.state_dict().items())
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_without_internet(publish: Callable[..., Path], site: Site) -> None:
    cached = publish({})
    site.close()
    message = no_weights(publish)
    assert "resnet50 could not be downloaded from http://127.0.0.1" in message
    assert str(cached) in message
    assert "--from-scratch" in message
    assert not list(cached.parent.glob("*"))


def test_a_file_put_in_the_cache_by_hand(
    classifier: ResNet, publish: Callable[..., Path], site: Site
) -> None:
    cached = publish(classifier.state_dict())
    cached.parent.mkdir(parents=True)
    cached.write_bytes((site.folder / cached.name).read_bytes())
    assert fetch("resnet50", progress=False)
    assert not site.requests
    cached.write_bytes(cached.read_bytes()[:-1000])
    assert "Delete it" in no_weights(publish)


def test_a_file_that_is_gone(publish: Callable[..., Path], site: Site) -> None:
    cached = publish({})
    (site.folder / cached.name).unlink()
    assert "404" in no_weights(publish)


def test_a_file_of_another_content(publish: Callable[..., Path]) -> None:
    cached = publish({}, digest="0123abcd")
    assert "invalid hash value" in no_weights(publish)
    assert not cached.exists()


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_file_is_not_run(publish: Callable[..., Path], tmp_path: Path) -> None:
    publish(Trap(tmp_path / "sprung"))
    no_weights(publish)
    assert not (tmp_path / "sprung").exists()
    publish([1, 2])
    assert "not tensors by name" in no_weights(publish)


def test_weights_of_another_backbone(classifier: ResNet, publish: Callable[..., Path]) -> None:
    state = dict(classifier.state_dict())
    state["layer1.7.conv1.weight"] = state.pop("layer1.0.conv1.weight")
    state["conv1.weight"] = torch.zeros(8, 3, 7, 7)
    publish(state)
    message = no_weights(publish, "M04")
    assert "1 missing (layer1.0.conv1.weight)" in message
    assert "1 unknown (layer1.7.conv1.weight)" in message
    assert "1 of another shape (conv1.weight)" in message


def test_group_norm_has_no_use_for_them() -> None:
    config = small("cascade-r50", backbone__norm="group")
    with pytest.raises(UsageError, match=r"U04.*backbone\.norm"):
        load_imagenet(build_detector(config), config.backbone)


def test_without_a_name_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing should be downloaded")

    monkeypatch.setattr(imagenet, "fetch", unwanted)
    config = small("cascade-r50", backbone__weights=None)
    assert load_imagenet(build_detector(config), config.backbone) is None


@pytest.mark.parametrize("name", sorted(URLS))
def test_names_of_the_files(name: str) -> None:
    expected = {
        "resnet18": "resnet18-f37072fd.pth",
        "resnet34": "resnet34-b627a593.pth",
        "resnet50": "resnet50-0676ba61.pth",
        "resnet101": "resnet101-63fe2227.pth",
        "resnext101_32x4d": "resnext101_32x4d-a5af3160.pth",
        "resnext101_64x4d": "resnext101_64x4d-ee2c6f71.pth",
    }
    assert URLS[name].startswith("https://")
    assert cache_path(name).name == expected[name]


def test_every_preset_that_names_weights_has_a_file() -> None:
    named = {p.config.backbone.weights for p in PRESETS.values()} - {None}
    assert named | {"resnet34"} == set(URLS)  # which no preset names


@pytest.mark.parametrize("name", ["resnext101_32x4d", "resnet101"])
def test_full_size_backbones_have_the_names_of_torchvision(name: str) -> None:
    import torchvision

    with torch.device("meta"):
        theirs: dict[str, Tensor]
        if name == "resnet101":
            theirs = torchvision.models.resnet101().state_dict()
        else:
            theirs = ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=4).state_dict()
        preset_name = "detectors-htc-r101" if name == "resnet101" else "htc-x101-32x4d"
        detector: Detector = build_detector(preset(preset_name))
    features: Any = detector.features
    for backbone in features.backbones:
        ours = backbone.state_dict()
        wanted = {k: v.shape for k, v in theirs.items() if not k.startswith("fc.")}
        assert {k: ours[k].shape for k in wanted} == wanted
