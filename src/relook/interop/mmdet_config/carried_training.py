"""Conversion of an MMDetection schedule to the fields of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .account import ABSENT, Account
from .carried_input import as_limits, pipeline

_GPUS: Final = 8  # assumed where a file does not give the batch size of its learning rate
_OPTIMIZERS: Final = {"SGD": "sgd", "AdamW": "adamw"}


def carry_training(account: Account) -> None:
    """Carry over optimizer, schedule and augmentation into ``account.recipe``."""
    _carry_optimizer(account)
    _carry_precision(account)
    _carry_length(account)
    _carry_lr_config(account)
    _carry_schedulers(account)
    _carry_clipping(account)
    _carry_augmentation(account)
    _carry_filter(account)


def _carry_optimizer(account: Account) -> None:
    path = account.first("optim_wrapper.optimizer", "optimizer")
    if path is None:
        return
    kind = account.kind(path)
    if kind in _OPTIMIZERS:
        account.train(f"{path}.type", optimizer=_OPTIMIZERS[kind])
    elif kind:
        account.ignore(f"{path}.type", f"relook trains with {' or '.join(_OPTIMIZERS)}")
    if _positive(account, f"{path}.lr", "reference_lr"):
        _carry_batch(account)
    if kind == "SGD":
        _in_range(account, f"{path}.momentum", "momentum", 0, 1)
    _in_range(account, f"{path}.weight_decay", "weight_decay", 0, float("inf"))


def _carry_precision(account: Account) -> None:
    wrapper = account.kind("optim_wrapper")
    if wrapper == "AmpOptimWrapper":
        account.train("optim_wrapper.type", precision="16-mixed")
    elif wrapper:
        account.check("optim_wrapper.type", ("OptimWrapper",))
    if account.has("fp16"):
        account.train("fp16", precision="16-mixed")


def _carry_batch(account: Account) -> None:
    """Carry over the number of images per step that the learning rate is for."""
    path = "auto_scale_lr.base_batch_size"
    if account.has(path):
        _whole(account, path, "reference_batch", 1)
        return
    path = account.first("train_dataloader.batch_size", "data.samples_per_gpu") or ""
    images = account.integer(path) if path else None
    if images is not None and images > 0:
        account.recipe["reference_batch"] = _GPUS * images
        account.use(path, f"train.reference_batch = {_GPUS * images}, taking {_GPUS} GPUs as usual")


def _carry_length(account: Account) -> None:
    path = account.first("train_cfg.max_epochs", "runner.max_epochs", "total_epochs")
    if path is not None:
        _whole(account, path, "epochs", 1)
    for other_path in ("train_cfg.max_epochs", "runner.max_epochs", "total_epochs"):
        if other_path != path and account.has(other_path):
            account.check(other_path, (account.recipe.get("epochs"),))
    for path, kind in (
        ("train_cfg.type", "EpochBasedTrainLoop"),
        ("runner.type", "EpochBasedRunner"),
    ):
        if account.has(path):
            account.check(path, (kind,))
    path = account.first("train_cfg.val_interval", "evaluation.interval") or ""
    _whole(account, path, "validate_every", 1)


def _carry_lr_config(account: Account) -> None:
    policy = account.get("lr_config.policy")
    if policy == "step":
        account.train("lr_config.policy", schedule="step")
        _carry_drops(account, "lr_config.step", "lr_config.gamma")
    elif isinstance(policy, str) and policy.startswith("Cosine"):
        account.train("lr_config.policy", schedule="cosine")
    elif policy is not ABSENT:
        account.ignore("lr_config.policy", "relook has step and cosine")
    if account.has("lr_config.warmup"):
        account.check("lr_config.warmup", ("linear",))
        _whole(account, "lr_config.warmup_iters", "warmup_iterations", 0)
        _warmup_ratio(account, "lr_config.warmup_ratio")


def _carry_drops(account: Account, path: str, factor: str) -> None:
    epochs = account.get(path)
    epochs = [epochs] if type(epochs) is int else epochs
    rising = isinstance(epochs, list | tuple) and all(type(e) is int and e > 0 for e in epochs)
    if rising and list(epochs) == sorted(set(epochs)):
        account.train(path, step_epochs=tuple(epochs))
    elif account.has(path):
        account.ignore(path, "rising whole numbers of epochs were expected")
    if account.has(factor):
        account.check(factor, (0.1,))


def _carry_schedulers(account: Account) -> None:
    for path in account.expand("param_scheduler.*"):
        kind = account.kind(path)
        if kind == "LinearLR" and account.get(f"{path}.by_epoch") is False:
            _warmup_ratio(account, f"{path}.start_factor")
            _whole(account, f"{path}.end", "warmup_iterations", 0)
            for name, value in (("begin", 0), ("end_factor", 1.0)):
                _check_if_there(account, f"{path}.{name}", value)
        elif kind == "MultiStepLR":
            account.recipe["schedule"] = "step"
            _carry_drops(account, f"{path}.milestones", f"{path}.gamma")
            _check_if_there(account, f"{path}.begin", 0)
            _check_if_there(account, f"{path}.end", account.recipe.get("epochs"))
            _check_if_there(account, f"{path}.by_epoch", True)
        elif kind == "CosineAnnealingLR":
            account.recipe["schedule"] = "cosine"
        else:
            account.ignore(path, "relook has a linear warm-up by steps, MultiStepLR and cosine")
            continue
        account.use(f"{path}.type", "train.schedule")
        _check_if_there(account, f"{path}.by_epoch", account.get(f"{path}.by_epoch"))


def _check_if_there(account: Account, path: str, value: Any) -> None:
    if account.has(path):
        account.check(path, (value,))


def _carry_clipping(account: Account) -> None:
    path = account.first("optim_wrapper.clip_grad", "optimizer_config.grad_clip")
    if path is None:
        return
    _positive(account, f"{path}.max_norm", "gradient_clip")
    _check_if_there(account, f"{path}.norm_type", 2)


def _carry_augmentation(account: Account) -> None:
    augment: dict[str, Any] = {}
    for path, kind in pipeline(account, test=False):
        where = account.first(f"{path}.img_scale", f"{path}.scale") or ""
        if kind in {"Resize", "RandomResize", "RandomChoiceResize"} and where:
            sizes = _drawn_sizes(account, path, kind, where)
            if sizes is not None:
                augment["size"] = sizes
                account.use(where, "train.augment.size")
        elif kind == "RandomFlip":
            chance = account.first(f"{path}.prob", f"{path}.flip_ratio") or ""
            value = account.number(chance) if chance else None
            if value is not None and 0 <= value <= 1:
                augment["flip"] = float(value)
                account.use(chance, "train.augment.flip")
    if augment:
        account.recipe["augment"] = augment


def _drawn_sizes(account: Account, path: str, kind: str, where: str) -> Any:
    """The smallest and largest (long, short) limits that training images are resized to."""
    sizes = account.get(where)
    if limits := as_limits(sizes):
        return limits, limits
    pairs = [as_limits(pair) for pair in sizes] if isinstance(sizes, list | tuple) else []
    drawn = kind == "RandomResize" or account.get(f"{path}.multiscale_mode") == "range"
    if len(pairs) == 1 and pairs[0]:
        return pairs[0], pairs[0]
    if drawn and len(pairs) == 2 and pairs[0] and pairs[1]:
        small = (min(pairs[0][0], pairs[1][0]), min(pairs[0][1], pairs[1][1]))
        large = (max(pairs[0][0], pairs[1][0]), max(pairs[0][1], pairs[1][1]))
        account.settle(f"{path}.multiscale_mode")
        return small, large
    account.ignore(where, "relook draws sizes from one range, not from a list")
    return None


def _carry_filter(account: Account) -> None:
    for dataset in ("train_dataloader.dataset", "data.train"):
        path = account.first(f"{dataset}.filter_cfg.filter_empty_gt", f"{dataset}.filter_empty_gt")
        empty = account.flag(path) if path else None
        if path and empty is not None:
            account.train(path, keep_empty=not empty)
        _whole(account, f"{dataset}.filter_cfg.min_size", "min_image_side", 0)


# Numbers in the ranges of a recipe


def _positive(account: Account, path: str, field: str) -> bool:
    return _fitting(account, path, field, Account.number, lambda v: v > 0, "a number above 0")


def _in_range(account: Account, path: str, field: str, low: float, high: float) -> bool:
    expected = f"a number from {low} to {high}"
    return _fitting(account, path, field, Account.number, lambda v: low <= v <= high, expected)


def _warmup_ratio(account: Account, path: str) -> bool:
    expected = "a number above 0 and at most 1"
    return _fitting(account, path, "warmup_ratio", Account.number, lambda v: 0 < v <= 1, expected)


def _whole(account: Account, path: str, field: str, least: int) -> bool:
    expected = f"a whole number from {least} on"
    return _fitting(account, path, field, Account.integer, lambda v: v >= least, expected)


def _fitting(
    account: Account,
    path: str,
    field: str,
    read: Callable[[Account, str], Any],
    fits: Callable[[Any], bool],
    expected: str,
) -> bool:
    value = read(account, path) if path and account.has(path) else None
    if value is None:
        return False
    if not fits(value):
        account.ignore(path, f"{expected} was expected")
        return False
    account.train(path, **{field: value})
    return True
