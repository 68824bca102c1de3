"""Which file system a folder lies on, and whether a lock that is taken there holds on other machines too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TABLE = Path("/proc/self/mountinfo")  # proc(5); Linux alone has it


class Mount(NamedTuple):
    """The file system that a folder lies on."""

    kind: str
    """as Linux calls it: ext4, nfs4, fuse.sshfs …"""
    options: frozenset[str]
    """those of the mount and of the file system"""

    @property
    def locks_reach(self) -> bool:
        """Whether a lock that one machine holds on a file (flock) keeps out the others, and ends with its holder.

        Only where that is documented: flock(2) and nfs(5) for NFS, the manuals of Lustre and CephFS.
        """
        match self.kind:
            case "nfs" | "nfs4":
                return not self.options & {"nolock", "local_lock=flock", "local_lock=all"}
            case "lustre":
                return "flock" in self.options
            case "ceph":
                return True
        return False


def mount_of(folder: Path) -> Mount | None:
    """What a folder lies on; none where the system does not say."""
    try:
        lines = _TABLE.read_text("utf-8", "surrogateescape").splitlines()
        return find_mount(lines, folder.resolve())
    except OSError:
        return None


def find_mount(lines: Iterable[str], folder: Path) -> Mount | None:
    """The mount of an absolute path, by the lines of a table as in /proc/self/mountinfo."""
    found, depth = None, 0
    for line in lines:
        before, _, after = line.partition(" - ")
        here, there = before.split(), after.split()
        if len(here) < 6 or len(there) < 3:
            continue
        root = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), here[4]))
        if folder.is_relative_to(root) and len(root.parts) >= depth:  # of two at one place the later one lies on top
            options = frozenset([*here[5].split(","), *there[2].split(",")])
            found, depth = Mount(there[0], options), len(root.parts)
    return found


def locks_reach(folder: Path) -> bool:
    """Whether a lock that is taken in a folder is known to hold on other machines too."""
    mount = mount_of(folder)
    return mount is not None and mount.locks_reach
