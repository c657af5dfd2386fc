"""What a user would write: parts of detectors, outside of relook."""
