"""Parts to begin with, as `relook new-part` writes them: each trains as it stands."""
