"""``python -m relook``, which launchers such as ``torchrun -m relook`` use: the command line."""

from __future__ import annotations

from .cli.app import main

if __name__ == "__main__":  # processes that are started from here import this file again
    main()
