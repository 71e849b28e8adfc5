"""Whole days for download: their names, their framing as arrays and archives, the signatures that open them."""
