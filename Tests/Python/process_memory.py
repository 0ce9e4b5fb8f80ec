"""What lies in another process's memory, as root may read it (proc(5): /proc/PID/mem, /proc/PID/smaps)."""

import pathlib
import re

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
            if "r" not in mapping.permissions or mapping.name in ("[vvar]", "[vsyscall]"):
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
