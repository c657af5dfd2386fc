"""Makes `lively` and the narrow twins of the presets importable next to the tests."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "invariants")]
