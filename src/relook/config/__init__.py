"""Configurations of models: their fields, presets, and the code of users that they may name."""
