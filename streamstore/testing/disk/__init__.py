"""A disk that can be watched, failed and cut from its power, for any SQLite database in a folder.

Knows SQLite's files and system calls, and nothing of what is in them: it serves streamstore's own
campaigns and a user's alike.

    disk = Disk(folder)              a folder; SQLite's and Python's operations in it are logged
    with disk.mounted(module):       from here on, in this process (see mount.py)
        ...                          open, write, checkpoint, rename; disk.log.mark("acknowledged")
    judge = Judge("store.db", …)     which states an image may hold (judge.py)
    for step in images(disk.log, disk.base, …):     what a power loss could leave (images.py)
        for image in step.images:
            judge.look(image)        reopened in memory (memory.py), compared, remembered

The model, and what it leaves out, is in images.py.
"""

from .hooks import Call, Fault
from .images import Image, Losses, Step, images
from .judge import Judge, Verdict
from .log import Log, Operation
from .memory import RecoveryFailed, recover
from .mount import Disk, contents, fill

__all__ = [
    "Call",
    "Disk",
    "Fault",
    "Image",
    "Judge",
    "Log",
    "Losses",
    "Operation",
    "RecoveryFailed",
    "Step",
    "Verdict",
    "contents",
    "fill",
    "images",
    "recover",
]
