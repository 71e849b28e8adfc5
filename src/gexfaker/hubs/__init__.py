"""Who listens: connections, their groups, what each must be sent next. Pure; time comes in as an argument."""
