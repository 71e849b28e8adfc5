"""What is checked in a day of snapshots: each feed by itself, and the identities between the feeds of a ticker."""
