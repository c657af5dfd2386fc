"""Training: recipes, the plan, the loop on Lightning, and what a run leaves on disk."""
