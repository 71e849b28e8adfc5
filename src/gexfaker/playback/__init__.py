"""Which record is due: positions, end of day, ticks. Pure decisions; the time is always an argument."""
