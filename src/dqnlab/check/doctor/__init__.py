"""What is wrong with an environment, before anyone trains on it."""
