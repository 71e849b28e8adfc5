"""Our own client of the feed and of the control plane, for the commands and for the tests of users."""
