"""WHOLE experiments: train, resume, one or many, from configuration to score."""
