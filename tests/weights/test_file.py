"""A model as one file: whole, strict, and harmless whoever wrote it."""

from __future__ import annotations

import contextlib
import json
import pickle
import resource
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

import relook
from relook.config.model import ModelConfig
from relook.data.coco.reader import Category
from relook.errors import DataError, ModelError, RelookError
from relook.models.detector import Detector
from relook.structures.object_sizes import ObjectSizes
from relook.weights.file import change_extra, load_model, save_model
from relook.weights.header import FORMAT_VERSION
from relook.weights.opening import read_header

from ..narrow_models import detector_of, narrow_config
from ..work import without_hopeless_work

CLASSES = (Category(3, "cell"), Category(8, "nucléus"))

Metadata = dict[str, str]
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    """A model with every part and hardly any width."""
    return narrow_config("detectors-htc-tiny", num_classes=2, semantic__num_classes=3)


@pytest.fixture(scope="module")
def detector(config: ModelConfig) -> Detector:
    return detector_of(config, seed=1)


@pytest.fixture(scope="module")
def saved(
    detector: Detector, config: ModelConfig, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    save_model(path, detector, config, CLASSES, {"shown_from": 0.42, "epochs": [1, 2]})
    return path


@pytest.fixture
def altered(saved: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the file with its tensors and metadata changed by a function."""

    def alter(change: Callable[[Tensors, Metadata], None]) -> Path:
        with safe_open(saved, "pt") as file:
            metadata = dict(file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        change(tensors, metadata)
        path = tmp_path / "altered.safetensors"
        save_file(tensors, path, metadata)
        return path

    return alter


def test_what_is_saved_is_what_is_loaded(
    saved: Path, detector: Detector, config: ModelConfig
) -> None:
    loaded = load_model(saved)
    assert loaded.config == config
    assert loaded.classes == CLASSES
    assert loaded.extra == {"shown_from": 0.42, "epochs": [1, 2]}
    assert not loaded.detector.training
    state, expected = loaded.detector.state_dict(), detector.state_dict()
    assert list(state) == list(expected)
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    detector_again, *_ = relook.load_model(saved)
    assert isinstance(detector_again, relook.Detector)


def test_the_whole_model_is_one_file(saved: Path) -> None:
    assert list(saved.parent.iterdir()) == [saved]
    with safe_open(saved, "pt") as file:
        metadata = file.metadata()
    assert metadata["format"] == "relook"
    assert metadata["format_version"] == str(FORMAT_VERSION)
    assert metadata["relook_version"] == relook.__version__
    assert json.loads(metadata["classes"])[1] == {"id": 8, "name": "nucléus"}


def test_a_file_says_itself_what_its_model_is(saved: Path, config: ModelConfig) -> None:
    with safe_open(saved, "pt") as file:
        stored = json.loads(file.metadata()["config"])
    assert "preset" not in stored
    assert stored["input"]["mean"] == list(config.input.mean)
    assert stored["input"]["std"] == list(config.input.std)
    assert stored["input"]["size"] == list(config.input.size)

    def leaves(value: Any) -> int:
        return sum(map(leaves, value.values())) if isinstance(value, dict) else 1

    assert leaves(stored) == leaves(config.model_dump())  # resolved: defaults are written, too


def test_normalisation_of_a_file_survives_other_defaults(
    detector: Detector, config: ModelConfig, tmp_path: Path
) -> None:
    other = config.with_(input__mean=(1.0, 2.0, 3.0), input__std=(4.0, 5.0, 6.0))
    save_model(tmp_path / "m.safetensors", detector, other, CLASSES)
    loaded = load_model(tmp_path / "m.safetensors").config.input
    assert loaded.mean == (1.0, 2.0, 3.0)
    assert loaded.std == (4.0, 5.0, 6.0)


def test_half_precision_halves_the_file_and_gives_back_32_bits(
    saved: Path, detector: Detector, config: ModelConfig, tmp_path: Path
) -> None:
    large = detector.cascade.box_heads[0].fc1.bias
    before = large.detach().clone()
    large.data[0] = 1e6  # over the largest number of 16 bits
    try:
        save_model(tmp_path / "h.safetensors", detector, config, CLASSES, half=True)
        loaded = load_model(tmp_path / "h.safetensors").detector
        for name, value in detector.state_dict().items():
            assert loaded.state_dict()[name].dtype == value.dtype
            torch.testing.assert_close(loaded.state_dict()[name], value, rtol=1e-3, atol=1e-6)
    finally:
        large.data.copy_(before)
    assert (tmp_path / "h.safetensors").stat().st_size < 0.6 * saved.stat().st_size


def test_classes_must_be_as_many_as_outputs(
    detector: Detector, config: ModelConfig, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"M04.*2 classes apart, 1 were named"):
        save_model(tmp_path / "m.safetensors", detector, config, CLASSES[:1])
    assert not list(tmp_path.iterdir())


def test_missing_unknown_and_wrong_tensors_are_named_and_counted(
    altered: Callable[..., Path],
) -> None:
    def change(tensors: Tensors, _: Metadata) -> None:
        for name in [n for n in tensors if n.startswith("cascade.mask_heads")][:7]:
            del tensors[name]
        tensors["extra.weight"] = torch.zeros(3)
        tensors["rpn.conv.bias"] = torch.zeros(99)

    with pytest.raises(ModelError, match="M04") as caught:
        load_model(altered(change))
    message = str(caught.value)
    assert "7 missing (cascade.mask_heads" in message
    assert ", ...)" in message
    assert message.count("cascade.mask_heads") == 5
    assert "1 unknown (extra.weight)" in message
    assert "1 of another shape (rpn.conv.bias (99,) instead of (16,))" in message


def test_standardisation_constants_are_part_of_a_full_model(altered: Callable[..., Path]) -> None:
    def change(tensors: Tensors, _: Metadata) -> None:
        for name in [n for n in tensors if n.endswith("weight_gamma")]:
            del tensors[name]

    with pytest.raises(ModelError, match=r"M04.*missing.*weight_gamma"):
        load_model(altered(change))


def test_whole_numbers_where_fractions_belong(altered: Callable[..., Path]) -> None:
    def change(tensors: Tensors, _: Metadata) -> None:
        tensors["rpn.conv.bias"] = tensors["rpn.conv.bias"].long()

    with pytest.raises(ModelError, match=r"M04.*rpn\.conv\.bias \(torch\.int64\)"):
        load_model(altered(change))


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.safetensors", tmp_path):
        with pytest.raises(DataError, match="D01"):
            load_model(path)


def header(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def entry(shape: list[int], end: int) -> bytes:
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}
    return header(json.dumps({"a": tensor}).encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 90_000_000) + b"{}",
        header(b"{" * 1000),
        header(b'{"a":' * 100_000),
        header(b"{}"),
        entry([2**40, 2**40], 4) + bytes(4),
        entry([2**34], 2**36) + bytes(4),
        entry([-1], 4) + bytes(4),
    ],
)
def test_what_is_no_model_is_refused_at_once(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with without_hopeless_work(), pytest.raises(ModelError, match=r"M02.*m\.safetensors"):
        load_model(path)


def test_weights_of_others_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(3)}, tmp_path / "m.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"M02.*relook did not write it"):
        load_model(tmp_path / "m.safetensors")


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    path = tmp_path / "m.safetensors"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(ModelError, match="M02"):
        load_model(path)
    pickle.loads(path.read_bytes())  # the trap itself works
    assert sprung.exists()
    sprung.unlink()
    torch.save(Trap(sprung), path)
    with pytest.raises(ModelError, match="M02"):
        load_model(path)
    assert not sprung.exists()


def changed_config(metadata: Metadata, **values: Any) -> None:
    metadata["config"] = json.dumps({**json.loads(metadata["config"]), **values})


def test_a_file_that_is_cut_off_says_what_to_do(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(saved.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"M02.*is damaged.*Copy or download it again\.$"):
        load_model(path)


def test_a_newer_format_is_told_from_a_damaged_one(altered: Callable[..., Path]) -> None:
    def newer(_: Tensors, metadata: Metadata) -> None:
        metadata |= {"format_version": "2", "relook_version": "9.1"}

    with pytest.raises(ModelError, match=r"M03.*format 2.*relook 9\.1.*Update"):
        load_model(altered(newer))

    def newer_key(_: Tensors, metadata: Metadata) -> None:
        metadata["relook_version"] = "9.1"
        changed_config(metadata, neck={})

    with pytest.raises(ModelError, match=r"M03.*relook 9\.1.*neck"):
        load_model(altered(newer_key))

    def unknown_key(_: Tensors, metadata: Metadata) -> None:
        changed_config(metadata, neck={})

    with pytest.raises(ModelError, match=r"M02.*unknown key neck"):
        load_model(altered(unknown_key))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format_version", "one"),
        ("format_version", None),
        ("config", "{"),
        ("config", "[" * 100_000),
        ("config", "[]"),
        ("config", None),
        ("classes", "{}"),
        ("classes", "[1, 2]"),
        ("classes", '[{"id": 1, "name": "a"}]'),
        ("classes", '[{"id": "x", "name": "a"}, {"id": 2, "name": "b"}]'),
        ("classes", '[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]'),
        ("extra", "3"),
    ],
)
def test_damaged_metadata(altered: Callable[..., Path], key: str, value: str | None) -> None:
    def change(_: Tensors, metadata: Metadata) -> None:
        if value is None:
            del metadata[key]
        else:
            metadata[key] = value

    with pytest.raises(ModelError, match="M02"):
        load_model(altered(change))


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("cascade", "box_hidden", 10**9),
        ("cascade", "box_hidden", 10**15),
        ("cascade", "mask_channels", 10**18),
        ("backbone", "width", 10**12),
        ("backbone", "width", 2**64),
        ("backbone", "width", 2**24),
        ("cascade", "stages", [{"iou": 0.5, "std": [1.0] * 4, "loss_weight": 1.0}] * 900),
        ("backbone", "blocks", [10**9, 1, 1, 1]),
        ("pyramid", "steps", 10**9),
        ("pyramid", "channels", 4 * 10**10),
    ],
)
def test_a_hostile_configuration_takes_neither_time_nor_memory(
    altered: Callable[..., Path], part: str, field: str, value: Any
) -> None:
    def change(_: Tensors, metadata: Metadata) -> None:
        config = json.loads(metadata["config"])
        config[part][field] = value
        metadata["config"] = json.dumps(config)

    path = altered(change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with without_hopeless_work(), pytest.raises(ModelError, match=r"M0[24]"):
        load_model(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_files_end_in_an_error_or_a_model(
    saved: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(saved.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, 20_000))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path = tmp_path / "m.safetensors"
    path.write_bytes(content[:cut])
    try:
        outcome = "loaded" if load_model(path).classes else "without classes"
    except RelookError as error:
        outcome = error.code
    assert outcome in {"M02", "M03", "M04"} | ({"loaded"} if cut == len(content) else set())


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond 100 kB."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_old_model_whole(
    saved: Path, detector: Detector, config: ModelConfig, tmp_path: Path
) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(saved.read_bytes())
    with full_disk(), pytest.raises(RelookError, match=r"R02.*best\.safetensors.*unch") as caught:
        save_model(path, detector, config, CLASSES)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == [path]
    assert load_model(path).classes == CLASSES


def test_saving_over_a_loaded_model(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(saved.read_bytes())
    loaded = load_model(path)
    relook.save_model(path, loaded.detector, loaded.config, loaded.classes, loaded.extra)
    assert load_model(path).extra == loaded.extra


def stored(path: Path) -> tuple[Tensors, Metadata]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


@pytest.mark.parametrize("half", [False, True])
def test_extra_values_change_and_nothing_else(
    detector: Detector, config: ModelConfig, tmp_path: Path, half: bool
) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, detector, config, CLASSES, {"shown_from": 0.3, "licence": "mine"}, half=half)
    tensors, metadata = stored(path)
    change_extra(path, {"shown_from": 0.4712, "more": [1, "é"]})
    changed, metadata_after = stored(path)
    assert load_model(path).extra == {"shown_from": 0.4712, "licence": "mine", "more": [1, "é"]}
    assert {**metadata, "extra": ""} == {**metadata_after, "extra": ""}
    assert list(changed) == list(tensors)
    assert {tensor.dtype for tensor in changed.values()} >= {torch.half if half else torch.float}
    for name, tensor in tensors.items():
        assert changed[name].dtype == tensor.dtype
        assert changed[name].numpy().tobytes() == tensor.numpy().tobytes()
    assert list(tmp_path.iterdir()) == [path]


def test_extra_values_change_behind_a_link(saved: Path, tmp_path: Path) -> None:
    path, link = tmp_path / "m.safetensors", tmp_path / "link.safetensors"
    path.write_bytes(saved.read_bytes())
    link.symlink_to(path)
    change_extra(link, {"shown_from": 0.9})
    assert link.is_symlink()
    assert load_model(path).extra["shown_from"] == 0.9


def test_an_interrupted_change_leaves_the_old_file(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(saved.read_bytes())
    with full_disk(), pytest.raises(RelookError, match=r"R02.*m\.safetensors.*unchanged"):
        change_extra(path, {"shown_from": 0.9})
    assert path.read_bytes() == saved.read_bytes()

    def interrupted(_: Tensors, draft: Path, __: Metadata) -> None:
        draft.write_bytes(saved.read_bytes()[:5000])
        raise KeyboardInterrupt

    monkeypatch.setattr("relook.weights.file.save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        change_extra(path, {"shown_from": 0.9})
    assert path.read_bytes() == saved.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_extra_values_of_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(DataError, match="D01"):
        change_extra(path, {"shown_from": 0.9})
    save_file({"a": torch.zeros(3)}, path, {"format": "pt"})
    before = path.read_bytes()
    with pytest.raises(ModelError, match=r"M02.*relook did not write it"):
        change_extra(path, {"shown_from": 0.9})
    assert path.read_bytes() == before


def test_sizes_of_objects_are_read_whole_or_the_file_is_refused(
    detector: Detector, config: ModelConfig, altered: Callable[..., Path], tmp_path: Path
) -> None:
    sizes = ObjectSizes((10.0, 20.0, 30.0, 45.0, 90.0), (5.0, 120.0), 400, "masks")
    path = tmp_path / "m.safetensors"
    save_model(path, detector, config, CLASSES, sizes.to_extra())
    assert load_model(path).sizes == sizes
    change_extra(path, {"shown_from": 0.5})
    assert load_model(path).sizes == sizes

    def hostile(tensors: Tensors, metadata: Metadata) -> None:
        stored = {"object_sizes": {**sizes.to_extra()["object_sizes"], "count": 10**400}}
        metadata["extra"] = json.dumps(stored)

    for read in (load_model, read_header):
        with pytest.raises(ModelError, match=r"M02.*object sizes: count"):
            read(altered(hostile))
    assert load_model(altered(lambda *_: None)).sizes is None


def test_an_onnx_file_is_named_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x0a" * 20)
    with pytest.raises(ModelError, match=r"nothing can be trained from it") as raised:
        load_model(path)
    assert raised.value.code == "M02"
