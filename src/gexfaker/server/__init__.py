"""Thin shells: HTTP, sockets, timers, start and stop. They decide nothing about the feed."""
