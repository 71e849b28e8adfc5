"""The journal of a key: what its clients did and were told, and questions about it. Pure."""
