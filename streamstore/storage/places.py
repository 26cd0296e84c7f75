"""Where a store may lie: not on Windows, and not on a network file system.

Owns: the names of the file systems that are refused. Must not know: files. On macOS there is no
mountinfo, and a network file system is not recognised there.
"""

from __future__ import annotations

import errno
import re
from typing import Final

from ..errors import FileUnusable

# Of these, SQLite's locks or its shared memory can't be relied upon.
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ncpfs", "davfs", "9p"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "pvfs2", "orangefs", "ocfs2", "gfs2"),
        *("virtiofs", "vboxsf", "prl_fs", "prl_vzfs", "vmhgfs", "hgfs", "osxfs", "fakeowner"),
        "drvfs",
    }
)
NETWORK_FUSE: Final = frozenset(
    {
        *("sshfs", "smbnetfs", "s3fs", "rclone", "gcsfuse", "goofys", "mount-s3", "curlftpfs"),
        *("glusterfs", "ceph", "ceph-fuse", "moosefs", "mfs", "juicefs", "seaweedfs", "cvmfs2"),
        *("davfs", "davfs2", "vmhgfs-fuse", "grpcfuse", "osxfs", "blobfuse", "blobfuse2"),
    }
)


def refuse_platform(platform: str) -> None:
    """Windows lacks the locks a store relies on."""
    if platform in ("win32", "cygwin"):
        raise FileUnusable(
            "streamstore opens files on Linux and macOS. On Windows use WSL 2, or ':memory:'."
        )


def refuse_network(folder: str, mountinfo: str) -> None:
    """Raise FileUnusable, naming the file system, if `folder` is not on this machine's own disk."""
    kind = file_system(folder, mountinfo)
    base, _, fuse = kind.partition(".")
    if base in NETWORK_FILE_SYSTEMS or (base in ("fuse", "fuseblk") and fuse in NETWORK_FUSE):
        raise FileUnusable(
            f"{folder} is on {kind}, a network or shared file system, whose locks and syncs can't"
            " be relied upon. Choose a path on a local disk."
        )


def file_system(folder: str, mountinfo: str) -> str:
    """The type of the file system that `folder` is on, by /proc/self/mountinfo; "" if unknown."""
    found, length = "", -1
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = _unescape(fields[4])
        inside = point == "/" or folder == point or folder.startswith(point + "/")
        if inside and len(point) >= length:  # a later mount hides an earlier one on the same point
            found, length = right.split(" ")[0], len(point)
    return found


def _unescape(text: str) -> str:
    """A mount point as mountinfo writes it, with octal escapes for blanks and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def unusable(path: str, error: OSError) -> FileUnusable:
    """What an operating system's refusal means for a store, and what to do about it."""
    what = {
        errno.EACCES: "Give this user the right to write into the folder",
        errno.EPERM: "Give this user the right to write into the folder",
        errno.EROFS: "The file system is read-only: choose another, or open with read_only=True",
        errno.ENOSPC: "Free space on the disk",
        errno.EDQUOT: "Free space in your quota",
    }.get(error.errno or 0, "Choose another path")
    return FileUnusable(f"{path} can't hold a store: {error.strerror or error}. {what}.")
