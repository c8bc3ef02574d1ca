"""Names of the system calls the jail refuses -> their numbers on x86-64 and on arm64.

A refused call is one that leads out of the jail, widens what the kernel shows of itself, or holds memory that no
limit counts. -1: the architecture does not have it.
"""

from __future__ import annotations

REFUSED: dict[str, tuple[int, int]] = {
    # namespaces and the mount family
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "open_tree_attr": (467, 467),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # kernel interfaces with a large surface
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "lookup_dcookie": (212, 18),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "acct": (163, 89),
    "modify_ldt": (154, -1),
    "ustat": (136, -1),
    "sysfs": (139, -1),
    "uselib": (134, -1),
    "_sysctl": (156, -1),
    "nfsservctl": (180, 42),
    "vhangup": (153, 58),
    "set_mempolicy": (238, 237),
    "mbind": (237, 235),
    "get_mempolicy": (239, 236),
    "set_mempolicy_home_node": (450, 450),
    # the machine
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, -1),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    # memory and queues that no resource limit counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
"""Answered with EPERM."""

CLONE3 = (435, 435)
"""Answered with ENOSYS: its flags lie in memory, where a filter cannot look; the C library falls back to clone."""
LAST_KNOWN = 467
"""Anything newer is answered with ENOSYS, as on a kernel that does not have it yet."""
CLONE = (56, 220)
IOCTL = (16, 29)
SOCKET = (41, 198)
SOCKETPAIR = (53, 199)
PERSONALITY = (135, 92)
