"""WHY an action: what a run learnt, as numbers, as text and as one page."""
