"""Composed scenes: cut-out objects of real images pasted together, with exact masks."""
