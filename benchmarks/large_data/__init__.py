"""How long large data sets take, and how much memory: see `benchmarks/README.md`."""
