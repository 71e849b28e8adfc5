"""Bytes in and out: HTTP, WebSockets, and the fast path of data requests."""
