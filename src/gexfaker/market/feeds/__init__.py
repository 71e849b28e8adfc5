"""The records of each feed, made from the model a minute at a time, and the tape that serves them."""
