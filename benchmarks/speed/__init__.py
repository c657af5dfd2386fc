"""How long relook takes and how much memory, beside its own past and the arithmetic floor."""
