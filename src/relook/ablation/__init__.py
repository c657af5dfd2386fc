"""Rows of an ablation table, trained and evaluated under one budget."""
