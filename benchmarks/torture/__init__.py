"""Commands that are killed at random moments: `python -m benchmarks.torture`."""
