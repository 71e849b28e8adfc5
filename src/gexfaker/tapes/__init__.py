"""Days at rest: where a feed's records come from, and how they are found."""
