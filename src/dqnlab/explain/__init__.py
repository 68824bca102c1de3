"""WHY an action: what a run learned, as numbers, as text and as one page."""
