"""WHO asks: the command line."""
