"""WHO looks: the command line, and one experiment from configuration to score."""
