"""What an agent can be exported as. Needs neither torch nor numpy."""

from typing import Literal

Format = Literal["onnx", "numpy", "js", "c"]
MOST_STATES = 1_000_000  # on which a program is compared with its network
EXPORTS = "export"  # in a run's folder, one folder for each format
UNVERIFIED = "-unverified"  # behind a folder's name, until it was compared
