"""TAKE IT ALONG: an agent as a program of another language, held against its network."""
