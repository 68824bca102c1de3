"""Which file system a folder lies on, by a table such as Linux has, and where locks hold between machines."""

from pathlib import Path

import pytest

from dqnlab.mounts import Mount, find_mount, mount_of

TABLE = r"""
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 21 0:25 / /home rw,relatime shared:5 - nfs4 head:/home rw,vers=4.2,hard,local_lock=none
31 30 0:26 / /home/with\040space rw - fuse.sshfs me@far:/ rw,user_id=0
32 21 0:27 / /scratch rw - lustre mgs:/scratch rw,flock,lazystatfs
33 32 0:28 / /scratch rw - tmpfs none rw
torn
""".splitlines()


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/runs", "ext4"),
        ("/home/me/runs", "nfs4"),
        ("/homes", "ext4"),
        ("/home/with space/runs", "fuse.sshfs"),
        ("/scratch/runs", "tmpfs"),  # it lies on top
    ],
)
def test_a_folder_lies_on_the_mount_that_is_nearest_above_it(folder: str, kind: str) -> None:
    mount = find_mount(TABLE, Path(folder))
    assert mount is not None
    assert mount.kind == kind


@pytest.mark.parametrize(
    ("kind", "options", "reach"),
    [
        ("nfs4", "rw,local_lock=none", True),
        ("nfs", "rw,vers=3", True),
        ("nfs", "rw,vers=3,nolock,local_lock=all", False),
        ("nfs4", "local_lock=flock", False),
        ("nfs4", "local_lock=posix", True),
        ("lustre", "rw,flock", True),
        ("lustre", "rw,localflock", False),
        ("lustre", "rw", False),
        ("ceph", "rw", True),
        ("fuse.sshfs", "rw", False),
        ("ext4", "rw", False),  # which another machine may know by NFS
    ],
)
def test_locks_reach_other_machines_only_where_that_is_documented(kind: str, options: str, reach: bool) -> None:
    assert Mount(kind, frozenset(options.split(","))).locks_reach is reach


def test_where_the_system_says_nothing_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqnlab.mounts._TABLE", Path("nowhere"))
    assert mount_of(Path.cwd()) is None
