"""Pages about evaluations and trainings: one file, without any downloads."""
