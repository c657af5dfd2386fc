"""Reading of checkpoint files without running their code."""
