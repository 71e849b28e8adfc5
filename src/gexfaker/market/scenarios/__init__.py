"""What happens on a simulated day: the named scenarios, files of the user, and how they act on the model."""
