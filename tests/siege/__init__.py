"""Attacks on a real server while others use it: ``python -m tests.siege [SECONDS] [--only NAME ...]``."""

import sys
from pathlib import Path

# What pytest adds by itself: the folder that holds ``support``.
_TESTS = str(Path(__file__).resolve().parent.parent)
if _TESTS not in sys.path:
    sys.path.insert(0, _TESTS)
