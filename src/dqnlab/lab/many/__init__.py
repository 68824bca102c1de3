"""Many seeds at once: worker processes, and what they tell."""
