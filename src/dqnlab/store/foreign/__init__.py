"""Agents that other programs trained: their weights, read without running anything, in a network of ours."""
