"""Pure functions between a record and the bytes of a WebSocket frame, both ways, and access tokens."""
