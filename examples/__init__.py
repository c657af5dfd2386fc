"""Programs that use relook; they come with its source code, not with the package."""
