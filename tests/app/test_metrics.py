"""Numbers for Prometheus."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from relook.app.metrics import Metrics


def values(metrics: Metrics) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_requests_images_and_the_queue_are_counted() -> None:
    metrics, waiting = Metrics(), [1, 2, 3]
    metrics.watch_queue(lambda: len(waiting))
    metrics.answered("/predict", 200, 0.2)
    metrics.answered("/predict", 429, 0.001)
    metrics.batch_done("nuts", 3)
    found = values(metrics)
    assert found["relook_requests_total", "/predict", "429"] == 1
    assert found["relook_request_seconds_bucket", "0.01", "/predict"] == 1
    assert found["relook_request_seconds_count", "/predict"] == 2
    assert found["relook_images_total", "nuts"] == 3
    assert found["relook_batch_images_bucket", "2.0", "nuts"] == 0
    assert found["relook_batch_images_bucket", "4.0", "nuts"] == 1
    assert found[("relook_queue_images",)] == 3
    waiting.clear()
    assert values(metrics)[("relook_queue_images",)] == 0


def test_two_servers_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.batch_done("nuts", 1)
    assert ("relook_images_total", "nuts") not in values(second)
