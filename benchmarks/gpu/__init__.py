"""What a GPU does, within minutes: `python -m benchmarks.gpu`."""
