"""WHERE it acts: environments made, checked, guarded, stepped side by side and saved."""
