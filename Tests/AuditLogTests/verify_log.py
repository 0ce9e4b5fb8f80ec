#!/usr/bin/env python3
"""Recomputes a log from its entry bundles with hashlib alone, and compares every tile and the checkpoint's root.

An oracle that shares no code with the log: usage is verify_log.py DIRECTORY; prints the size, exits 1 on any difference.
The signature is left to others, as the standard library has no Ed25519.
"""
import base64
import hashlib
import os
import struct
import sys

directory = sys.argv[1]


def path(kind, index, width):
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03d}")
    name = os.path.join(directory, "tile", str(kind), *groups)
    return name if width == 256 else os.path.join(name + ".p", str(width))


def read(name):
    with open(name, "rb") as file:
        return file.read()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(hashes):
    """RFC 6962 section 2.1, over hashes of equal subtrees."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node(root(hashes[:split]), root(hashes[split:]))


origin, size, expected, *_ = read(os.path.join(directory, "checkpoint")).decode().split("\n")
size = int(size)
leaves = []
for start in range(0, size, 256):
    width = min(256, size - start)
    bundle = read(path("entries", start // 256, width))
    position = count = 0
    while position < len(bundle):
        (length,) = struct.unpack_from(">H", bundle, position)
        entry = bundle[position + 2 : position + 2 + length]
        assert len(entry) == length, "a bundle ends within an entry"
        leaves.append(hashlib.sha256(b"\x00" + entry).digest())
        position += 2 + length
        count += 1
    assert count == width, f"bundle {start // 256} holds {count} entries"

assert base64.b64encode(root(leaves)).decode() == expected, "the root is not the checkpoint's"

level, hashes = 0, leaves
while hashes:
    for start in range(0, len(hashes), 256):
        tile = hashes[start : start + 256]
        assert read(path(level, start // 256, len(tile))) == b"".join(tile), f"tile {level}/{start // 256} differs"
    full = len(hashes) // 256
    hashes = [root(hashes[n * 256 : n * 256 + 256]) for n in range(full)]
    level += 1
print(size)
