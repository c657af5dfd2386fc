"""The command line of relook-onnx: prediction from ONNX files, without PyTorch."""

from __future__ import annotations

from ..runtime.edition import warning
from .predict import predict
from .program import new_program, run
from .terminal import say

app = new_program(
    "relook-onnx",
    "Objects in images, found by ONNX files that `relook export` writes. This is relook-onnx; "
    "training, evaluation and exports are in the package relook.",
)
app.command("predict")(predict)


def main() -> None:
    """Run the command line; does not return."""
    problem = warning()
    if problem is not None:
        say(problem, err=True)
    run(app)
