"""Custodians and witnesses with stock tools alone (ssh-keygen, age): none of the appliance's own code takes part."""

import functools
import hashlib
import json
import pathlib
import subprocess

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
import base64


class Custodian:
    """One person: an SSH key and an age identity in a directory of its own."""

    def __init__(self, directory, name):
        self.directory = pathlib.Path(directory) / name
        self.name = name
        self.key, self.identity = self.directory / "id_ssh", self.directory / "identity"
        if not self.directory.exists():
            self.directory.mkdir(parents=True, mode=0o700)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.key)
            run("age-keygen", "-o", self.identity)

    def person(self, is_custodian=True):
        """As a plan names it."""
        kind, key = self.key.with_suffix(".pub").read_text().split()[:2]
        person = {"name": self.name, "ssh_key": f"{kind} {key}"}
        if is_custodian:
            person["age_recipient"] = run("age-keygen", "-y", self.identity).strip()
        return person

    def sign(self, file, namespace):
        """Sign a copy of a file; returns the signature's path."""
        copy = self.directory / f"{hashlib.sha256(bytes(str(file), 'utf8')).hexdigest()[:12]}-{pathlib.Path(file).name}"
        copy.write_bytes(pathlib.Path(file).read_bytes())
        signature = copy.with_name(copy.name + ".sig")
        signature.unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-Y", "sign", "-f", self.key, "-n", f"{namespace}@vault-appliance", copy)
        return signature

    def open_share(self, file):
        """The bytes of this custodian's share."""
        return subprocess.run(
            ["age", "-d", "-i", self.identity, file], check=True, stdout=subprocess.PIPE).stdout

    def contribute(self, request, share, contributions, change=lambda share: share):
        """Answer a request for shares: the share to its recipient, signed for it; `change` alters the share first."""
        request = pathlib.Path(request)
        recipient = json.loads(request.read_text())["recipient"]
        digest = hashlib.sha256(request.read_bytes()).hexdigest()
        answer = self.directory / f"contribution-{digest[:12]}.age"
        answer.unlink(missing_ok=True)
        subprocess.run(
            ["age", "-a", "-r", recipient, "-o", answer], input=change(self.open_share(share)), check=True)
        signature = self.sign(answer, f"contribution-{digest}")
        # The signature first: whoever finds the answer finds both.
        place = pathlib.Path(contributions) / f"{self.name}.age"
        for source, target in ((signature, place.with_name(place.name + ".sig")), (answer, place)):
            staging = target.with_name("." + target.name)
            staging.write_bytes(source.read_bytes())
            staging.rename(target)


def run(*arguments):
    return subprocess.run([*map(str, arguments)], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout.decode()


def combine(shares):
    """The secret of shares' files: Shamir over GF(256), x is the share's index."""
    points = [(share[len(b"vault-share/1\n") + 22], share[-32:]) for share in shares]
    secret = bytearray(32)
    for x, value in points:
        weight = functools.reduce(
            multiply, (divide(other, other ^ x) for other, _ in points if other != x), 1)
        for index, byte in enumerate(value):
            secret[index] ^= multiply(byte, weight)
    return bytes(secret)


def multiply(left, right):
    product = 0
    while right:
        if right & 1:
            product ^= left
        left = (left << 1) ^ (0x11B if left & 0x80 else 0)
        right >>= 1
    return product


def divide(left, right):
    return next(left_ for left_ in range(256) if multiply(left_, right) == left)


def unwrap_pin(pins, serial, secret):
    """A token's PIN out of pins-EPOCH.json and the activation secret."""
    sealed = next(token["sealed"] for token in pins["tokens"] if token["serial"] == serial)
    key = HKDF(
        hashes.SHA256(), 32, salt=pins["appliance"].encode(),
        info=f"vault-appliance/pin/1|{pins['epoch']}|{serial}".encode()).derive(secret)
    context = json.dumps(
        {"appliance": pins["appliance"], "epoch": pins["epoch"], "format": "vault-wrapped-pins/1", "serial": serial},
        separators=(",", ":"), sort_keys=True)
    combined = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    return AESGCM(key).decrypt(combined[:12], combined[12:], context.encode())
