"""Where a store may not lie, by name."""

from __future__ import annotations

import errno
import os

import pytest

from streamstore.errors import FileUnusable
from streamstore.storage.places import (
    NETWORK_FILE_SYSTEMS,
    NETWORK_FUSE,
    file_system,
    refuse_network,
    refuse_platform,
    unusable,
)

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 27 0:40 / /mnt rw - ext4 /dev/vdb rw
41 27 0:41 / /mnt/nas rw shared:7 master:1 - nfs4 nas:/export rw,vers=4.2
42 27 0:42 / /mnt/nas/local rw - xfs /dev/vdc rw
43 27 0:43 / /mnt/with\\040blank\\134slash rw - fuse.sshfs me@there:/ rw
44 27 0:44 / /twice rw - cifs //there/share rw
45 27 0:45 / /twice rw - tmpfs tmpfs rw
46 27 0:46 / /mnt/ümlaut rw - 9p share rw
broken line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/home/me", "ext4"),
        ("/mnt", "ext4"),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/deep/er", "nfs4"),
        ("/mnt/nasty", "ext4"),
        ("/mnt/nas/local", "xfs"),
        ("/mnt/nas/local/x", "xfs"),
        ("/mnt/with blank\\slash/x", "fuse.sshfs"),
        ("/twice/x", "tmpfs"),
        ("/mnt/ümlaut", "9p"),
    ],
)
def test_the_file_system_is_that_of_the_longest_mount_the_last_one_winning(
    folder: str, kind: str
) -> None:
    assert file_system(folder, MOUNTS) == kind


def test_an_unreadable_mountinfo_refuses_nothing() -> None:
    assert file_system("/anywhere", "") == ""
    refuse_network("/anywhere", "")


def mounted(kind: str) -> str:
    return f"27 1 0:1 / /data rw - {kind} source rw\n"


@pytest.mark.parametrize(
    "kind", sorted(NETWORK_FILE_SYSTEMS | {f"fuse.{name}" for name in NETWORK_FUSE})
)
def test_a_network_file_system_is_refused_by_name(kind: str) -> None:
    with pytest.raises(FileUnusable, match="local disk") as caught:
        refuse_network("/data/store", mounted(kind))
    assert f" {kind}," in str(caught.value)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk"])
def test_a_local_file_system_is_taken(kind: str) -> None:
    refuse_network("/data/store", mounted(kind))


@pytest.mark.parametrize("platform", ["win32", "cygwin"])
def test_windows_is_refused_with_what_to_do(platform: str) -> None:
    with pytest.raises(FileUnusable, match="WSL 2"):
        refuse_platform(platform)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_linux_and_macos_are_taken(platform: str) -> None:
    refuse_platform(platform)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EACCES, "right to write"),
        (errno.EROFS, "read_only=True"),
        (errno.ENOSPC, "Free space"),
        (errno.EIO, "another path"),
    ],
)
def test_a_refusal_of_the_system_says_what_to_do(number: int, advice: str) -> None:
    text = str(unusable("/data/s.db", OSError(number, os.strerror(number))))
    assert advice in text
    assert os.strerror(number) in text
    assert "/data/s.db" in text
