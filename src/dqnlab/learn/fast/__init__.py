"""The same update, compiled and for many agents at once."""
