"""Long runs against a real server: ``python -m tests.soak.drops``, ``.rfc6455`` and ``.autobahn``."""

import sys
from pathlib import Path

# What pytest adds by itself: the folder that holds ``support``.
_TESTS = str(Path(__file__).resolve().parent.parent)
if _TESTS not in sys.path:
    sys.path.insert(0, _TESTS)
