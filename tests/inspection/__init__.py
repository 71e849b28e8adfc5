"""Tests of what is checked; `builder` makes sound days to damage."""
