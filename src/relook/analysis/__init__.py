"""Looking at models: summaries, complexity, what happens inside, two models side by side."""
