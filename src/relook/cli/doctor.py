"""``relook doctor``: versions, devices and fast operations on this machine."""

from __future__ import annotations

from .terminal import say


def doctor() -> None:
    """Print the versions and devices of this machine, and the fast operations of predictions."""
    import torch

    from ..models.folding import fast_ways
    from ..runtime.devices import choose_device
    from ..runtime.edition import warning
    from ..training.run_folder import environment

    machine = environment()
    versions = [f"{name} {version}" for name, version in machine["packages"].items()]
    lines = [
        f"relook {machine['relook']}, Python {machine['python']}, {machine['system']}",
        ", ".join(versions),
        f"{machine['cores']} cores, {torch.get_num_threads()} threads of PyTorch",
        f"GPUs: {', '.join(machine['gpus']) or 'none'}; device auto is {choose_device()}",
        "On the CPU, unless --fast off:",
        *(f"- {way}" for way in fast_ways()),
        *filter(None, [warning()]),
    ]
    for line in lines:
        say(line)
