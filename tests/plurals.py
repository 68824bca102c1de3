"""Nouns that messages count."""

PLURALS = (
    "episodes|steps|seeds|copies|updates|resets|envs|actions|numbers|states|transitions|parameters|evaluations|rows|"
    "bytes|inputs|tensors|units|attempts|checkpoints|snapshots|observations|settings|products|errors|warnings"
)
