"""Pages that say how a training went and how good a model is: one file, nothing fetched."""
