"""What lies in another process's memory, as root may read it (proc(5): /proc/PID/mem, /proc/PID/smaps)."""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys

NOBODY = 65534
# Runs a command as a user without privileges, where the tests are root's own: the process keeps its number.
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.getuid() == 0 else []

HEADER = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$")


class Mapping:
    """One mapping: its range, its permissions, its name and what smaps says of it in two letters each."""

    def __init__(self, match):
        self.start, self.end = int(match[1], 16), int(match[2], 16)
        self.permissions, self.name, self.flags = match[3], match[4], set()

    @property
    def is_kept(self):
        """Locked, never dumped, empty in a forked child."""
        return {"lo", "dd", "wf"} <= self.flags


def mappings(pid):
    """Every mapping of a process."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        match = HEADER.match(line)
        if match:
            found.append(Mapping(match))
        elif line.startswith("VmFlags:"):
            found[-1].flags = set(line.split()[1:])
    return found


def search(pid, secrets):
    """Where each secret lies: {name: [(mapping, address, what is around it)]}. The process goes on meanwhile."""
    hits = {name: [] for name in secrets}
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for mapping in mappings(pid):
            # What is mapped from a file and was never writable is what stands in the file.
            if "r" not in mapping.permissions or ("w" not in mapping.permissions and mapping.name):
                continue
            content = read(memory, mapping)
            for name, secret in secrets.items():
                at = content.find(secret)
                while at >= 0:
                    hits[name].append((mapping, mapping.start + at, content[max(0, at - 32):at + len(secret) + 32]))
                    at = content.find(secret, at + 1)
    return hits


def read(memory, mapping):
    """A mapping's bytes, as far as they are there."""
    parts, address = [], mapping.start
    while address < mapping.end:
        try:
            memory.seek(address)
            part = memory.read(min(1 << 24, mapping.end - address))
        except OSError:
            part = b""
        # A page behind the end of a file is not there: the next one may be.
        parts.append(part or bytes(4096))
        address += len(parts[-1])
    return b"".join(parts)


def pieces(secrets):
    """Secrets in pieces of eight bytes: what was freed without being wiped is overwritten at its beginning first."""
    return {
        (name, start): secret[start:start + 8]
        for name, secret in secrets.items() for start in range(0, len(secret) - 7, 8)}


def look(pid, secrets):
    """Which secrets lie in a process's memory: the names of all, and where any lies that others could come to.

    A piece alone is no find there, unless it is all of the secret: a call may have saved a register of eight bytes on its
    stack, which nobody can wipe for it. Two neighbours are.
    """
    kept, open_to_others = set(), {}
    for (name, start), places in search(pid, pieces(secrets)).items():
        for mapping, address, _ in places:
            if mapping.is_kept:
                kept.add(name)
            else:
                open_to_others[name, start, address] = mapping.name or "heap"
    loose = {
        (name, place) for (name, start, address), place in open_to_others.items()
        if len(secrets[name]) < 16 or any(
            (name, start + step, address + step) in open_to_others for step in (-8, 8))}
    return kept | {name for name, _ in loose}, sorted(f"{name}: {place}" for name, place in loose)


def children(pid):
    """The processes that a process has started, and that run still."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[1] == str(pid) and words[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def spellings(secret):
    """A secret as it could stand in a file: as it is, hexadecimal, base 64 wherever it begins in a longer text."""
    texts = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for shift in range(3):
        # The letters that what stands before or behind has a part in are left out.
        text = base64.b64encode(bytes(shift) + secret)[(shift * 8 + 5) // 6:(shift + len(secret)) * 8 // 6]
        texts += [text, text.replace(b"+", b"-").replace(b"/", b"_")]
    return texts


def on_disk(secrets, root, is_expected=lambda path: False):
    """Which secrets lie in which files under a directory, and how many files there are."""
    found, looked = [], 0
    for path in pathlib.Path(root).rglob("*"):
        if path.is_symlink() or not path.is_file() or is_expected(path):
            continue
        # A journal's room ahead is nothing but zeros.
        content = path.read_bytes().rstrip(b"\0")
        looked += 1
        # Line ends within a long text hide nothing.
        for text in {content, content.replace(b"\n", b"")}:
            found += [f"{name}: {path}" for name, secret in secrets.items()
                      if any(spelling in text for spelling in spellings(secret))]
    return sorted(set(found)), looked


# What a process of the same user can try (ptrace(2): all of it needs the target to be dumpable, or CAP_SYS_PTRACE).
READER = """
import ctypes, errno, json, os, sys
pid, answers = int(sys.argv[1]), {}
for name in ("mem", "environ", "maps", "auxv", "stack", "fd/0", "map_files"):
    try:
        if name == "map_files":
            os.listdir(f"/proc/{pid}/map_files")
        else:
            with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
                file.read(1) if name not in ("mem", "fd/0") else None
        answers[name] = "open"
    except OSError as error:
        answers[name] = errno.errorcode[error.errno]
libc = ctypes.CDLL(None, use_errno=True)
room = ctypes.create_string_buffer(8)
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
here, there = Vector(ctypes.addressof(room), 8), Vector(0x400000, 8)
calls = {
    "process_vm_readv": lambda: libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0),
    "PTRACE_SEIZE": lambda: libc.ptrace(0x4206, pid, None, None),
    "PTRACE_ATTACH": lambda: libc.ptrace(16, pid, None, None),
}
for name, call in calls.items():
    answers[name] = "open" if call() >= 0 else errno.errorcode[ctypes.get_errno()]
print(json.dumps(answers))
"""


def reach(pid):
    """What another process of the same user without privileges comes to in a process: by way, "open" or the error."""
    done = subprocess.run(
        [*AS_NOBODY, sys.executable, "-I", "-c", READER, str(pid)], capture_output=True, text=True, check=True, cwd="/")
    return json.loads(done.stdout)
