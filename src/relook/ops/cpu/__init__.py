"""Faster kernels for some operations on a CPU, and the switch that turns them off."""
