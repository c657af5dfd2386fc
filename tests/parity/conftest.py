"""Makes the neighbouring modules `formula`, `golden` and `networks` importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
