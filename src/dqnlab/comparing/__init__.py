"""WHICH is better: from the folders of finished runs to a comparison that says how sure it is."""
