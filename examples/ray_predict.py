"""Predict a folder as a Ray Data job: ``python ray_predict.py photos/ nuclei found/ 2``."""

import json
import sys
from typing import Any

import ray

import relook
from relook.data.sources.finding import find_sources


class Predict:
    """An actor: it loads the model once, and predicts batches of images."""

    def __init__(self, model: str) -> None:
        self.predictor = relook.load(model)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The objects of each image as COCO's results, and why an image could not be read."""
        outcomes: list[Any] = list(self.predictor.outcomes(batch["path"].tolist()))
        errors = [str(getattr(one, "error", "")) for one in outcomes]
        found = [
            "[]" if error else json.dumps(one.to_coco(0))
            for one, error in zip(outcomes, errors, strict=True)
        ]
        return {"path": batch["path"], "objects": found, "error": errors}


if __name__ == "__main__":
    folder, model, out, workers = sys.argv[1:]
    rows = [{"path": str(path)} for path in find_sources([folder]).files]
    actors = ray.data.ActorPoolStrategy(size=int(workers))
    results = ray.data.from_items(rows).map_batches(
        Predict, fn_constructor_args=[model], compute=actors, batch_size=8, num_cpus=1
    )
    results.write_json(out)
