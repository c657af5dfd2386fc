"""``python -m relook``, which launchers such as ``torchrun -m relook`` use: the command line."""

from __future__ import annotations

from .runtime.edition import is_whole

if __name__ == "__main__":  # processes that are started from here import this file again
    if is_whole():
        from .cli.app import main
    else:
        from .cli.onnx_app import main
    main()
