"""What `diagnose` is made of: signals read from metrics, checks on them, findings, and runs broken on purpose."""
