#!/usr/bin/env python3
"""Read the entries of an audit log straight from its tiles (C2SP tlog-tiles), without the appliance's code.

The entries are as many as the checkpoint covers; what is newer is in the journal until the next checkpoint.
"""

import argparse
import json
import pathlib
import sys
import time

import jwt


def checkpoint_size(log):
    """The tree size in the checkpoint's second line (C2SP tlog-checkpoint); 0 before the first one."""
    checkpoint = pathlib.Path(log) / "checkpoint"
    return int(checkpoint.read_text().split("\n")[1]) if checkpoint.exists() else 0


def bundle_path(log, index, width):
    """Where a bundle of entries is: groups of three digits, all but the last with an x before them."""
    text = f"{index:03d}"
    text = text.zfill((len(text) + 2) // 3 * 3)
    groups = [text[i : i + 3] for i in range(0, len(text), 3)]
    name = "/".join(["x" + group for group in groups[:-1]] + [groups[-1]])
    folder = pathlib.Path(log) / "tile" / "entries"
    return folder / name if width == 256 else folder / f"{name}.p" / str(width)


def read_entries(log):
    """All entries under the checkpoint, as decoded JSON, in their order."""
    size = checkpoint_size(log)
    entries = []
    for index in range((size + 255) // 256):
        width = min(256, size - index * 256)
        path = bundle_path(log, index, width)
        # A partial bundle may be gone once the full one is there.
        data = (path if path.exists() else bundle_path(log, index, 256)).read_bytes()
        position = 0
        for _ in range(width):
            start = position + 2
            position = start + int.from_bytes(data[position:start], "big")
            entries.append(json.loads(data[start:position]))
    return entries


def find(log, matches, seconds=60):
    """Index and entry of the last match; waits for the checkpoint that covers it."""
    end = time.monotonic() + seconds
    while True:
        found = [item for item in enumerate(read_entries(log)) if matches(item[1])]
        if found or time.monotonic() > end:
            return found[-1] if found else None
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", help="the log's directory")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--jti-of", help="file with a token: show the entry it is recorded under")
    choice.add_argument("--denied", metavar="SUBJECT", help="show this user's last denial")
    arguments = parser.parse_args()
    if arguments.jti_of:
        token = pathlib.Path(arguments.jti_of).read_text().strip()
        jti = jwt.decode(token, options={"verify_signature": False})["jti"]
        found = find(arguments.log, lambda entry: entry.get("jti") == jti)
    else:
        found = find(
            arguments.log,
            lambda entry: entry["kind"] == "denied" and entry.get("user", {}).get("sub") == arguments.denied,
        )
    if found is None:
        sys.exit("the log holds no such entry")
    index, entry = found
    denial = entry["kind"] == "denied"
    names = ("kind", "code", "rule", "reason") if denial else ("kind", "rule", "client", "key", "custody")
    print(f"   log entry {index}: " + ", ".join(f"{name} {entry[name]}" for name in names if name in entry))


if __name__ == "__main__":
    main()
