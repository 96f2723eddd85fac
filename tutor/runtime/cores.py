"""How many physical cores this process may use: more threads than that make llama.cpp slower, not faster."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

from tutor.domain.errors import UsageError
from tutor.domain.plaintext import visible

TOPOLOGY = Path("/sys/devices/system/cpu")
CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores() -> int:
    """At least 1. On Linux within the process's affinity and its control group's quota."""
    system = platform.system()
    if system == "Linux":
        return max(1, min(_linux_cores(os.sched_getaffinity(0), TOPOLOGY), _quota(CPU_QUOTA)))
    if system == "Darwin":
        # The performance cores alone where the machine tells them apart: the others hold the rest up.
        return _sysctl("hw.perflevel0.physicalcpu") or _sysctl("hw.physicalcpu") or os.cpu_count() or 1
    return max(1, (os.cpu_count() or 2) // 2)


def asked_threads() -> int:
    """QWTUTOR_THREADS, for a machine that others compute on too; 0 where it says nothing. Raises UsageError.

    llama.cpp's threads wait for each other without sleeping: more of them than there are idle cores cost everybody.
    """
    asked = os.environ.get("QWTUTOR_THREADS", "")
    if not asked:
        return 0
    cores = os.cpu_count() or 1
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= cores):
        raise UsageError(
            "QWTUTOR_THREADS must be a whole number from 1 to {cores}, not {value}.", cores=cores, value=visible(asked)
        )
    return int(asked)


def _linux_cores(cpus: set[int], topology: Path) -> int:
    """Distinct cores among `cpus`, by the lists of hardware threads that share one."""
    siblings = set()
    for cpu in cpus:
        try:
            siblings.add((topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip())
        except OSError:
            return len(cpus)
    return len(siblings)


def _quota(path: Path) -> int:
    """`cpu.max` of control groups 2 holds `quota period` in microseconds, or `max`."""
    try:
        quota, period = path.read_text().split()
        return -(-int(quota) // int(period))
    except (OSError, ValueError):
        return sys.maxsize


def _sysctl(name: str) -> int:
    value, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
    failed = ctypes.CDLL(None).sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, 0)
    return 0 if failed else value.value
