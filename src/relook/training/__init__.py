"""Training: recipes, the plan, the loop on Lightning, and run folders."""
