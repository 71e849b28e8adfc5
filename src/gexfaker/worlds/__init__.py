"""Worlds: all that there is of each API key, and what is sent to it next. Pure; time comes in as an argument."""
