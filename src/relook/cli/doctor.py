"""``relook doctor``: what relook found on this machine, and how it will use it."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Say what this machine has: versions, devices, and the fast ways that predictions take."""
    import torch

    from ..models.folding import fast_ways
    from ..runtime.devices import choose_device
    from ..training.run_folder import environment

    found = environment()
    versions = [f"{name} {version}" for name, version in found["packages"].items()]
    lines = [
        f"relook {found['relook']}, Python {found['python']}, {found['system']}",
        ", ".join(versions),
        f"{found['cores']} cores, {torch.get_num_threads()} threads of PyTorch",
        f"GPUs: {', '.join(found['gpus']) or 'none'}; device auto is {choose_device()}",
        "On the CPU, unless --fast off:",
        *(f"- {way}" for way in fast_ways()),
    ]
    for line in lines:
        typer.echo(line)
