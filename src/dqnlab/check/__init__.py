"""IS IT SOUND: probes with known values, and the doctor for environments."""
