"""Benchmarks: ratios within one run, with their spread. `make bench`."""

import sys
from pathlib import Path

# The driver of the browser is that of the tests.
_TESTS = str(Path(__file__).resolve().parent.parent / "tests")
if _TESTS not in sys.path:
    sys.path.insert(0, _TESTS)
