"""A witness (`vault-appliance audit witness`) as a process, and what a log sends it, with none of the appliance's code."""

import base64
import hashlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class WitnessProcess:
    """One witness with a directory and a port of its own."""

    def __init__(self, binary, directory, name, keys):
        self.binary, self.directory, self.keys = binary, pathlib.Path(directory), keys
        self.process = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        done = subprocess.run(
            [binary, "audit", "witness", "init", "--state", self.directory, "--name", name],
            capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        self.vkey = done.stdout.strip()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        log = open(self.directory.with_suffix(".log"), "a")
        logs = [word for file in self.keys for word in ("--log", file)]
        self.process = subprocess.Popen(
            [self.binary, "audit", "witness", "serve", "--state", self.directory, *logs, "--port", str(self.port)],
            stdout=log, stderr=log)
        end = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise AssertionError(self.directory.with_suffix(".log").read_text()) from None
                time.sleep(0.02)

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(120)

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("content-type"), answer.read().decode()
        finally:
            connection.close()

    def add_checkpoint(self, body):
        return self.request("POST", "/add-checkpoint", body)

    def last(self, origin):
        """The witness's record of a log, as monitors get it."""
        name = hashlib.sha256(origin.encode()).hexdigest()
        return self.request("GET", f"/{name}/checkpoint")


def split(count):
    """The largest power of two below a count (RFC 6962 section 2.1)."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


class TestLog:
    """A log of hashes with a key of its own; a `history` tells two logs of one name apart."""

    __test__ = False

    def __init__(self, origin, history="", key=None):
        self.origin, self.history = origin, history
        self.key = key or Ed25519PrivateKey.generate()

    @property
    def material(self):
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        identity = hashlib.sha256(self.origin.encode() + b"\n\x01" + public).digest()[:4]
        return identity, b"\x01" + public

    @property
    def vkey(self):
        identity, key = self.material
        return f"{self.origin}+{identity.hex()}+{base64.b64encode(key).decode()}"

    def subtree(self, first, end):
        if end == first:
            return hashlib.sha256().digest()
        if end - first == 1:
            return hashlib.sha256(b"\0" + f"{self.history} {first}".encode()).digest()
        middle = first + split(end - first)
        return hashlib.sha256(b"\1" + self.subtree(first, middle) + self.subtree(middle, end)).digest()

    def consistency(self, old, first, end, whole=True):
        """RFC 6962 section 2.1.2."""
        if old == end - first:
            return [] if whole else [self.subtree(first, end)]
        left = split(end - first)
        middle = first + left
        if old <= left:
            return self.consistency(old, first, middle, whole) + [self.subtree(middle, end)]
        return self.consistency(old - left, middle, end, False) + [self.subtree(first, middle)]

    def body(self, size):
        root = base64.b64encode(self.subtree(0, size)).decode()
        return f"{self.origin}\n{size}\n{root}\n"

    def request(self, old, size):
        """The body of an add-checkpoint request (C2SP tlog-witness)."""
        text = self.body(size)
        line = base64.b64encode(self.material[0] + self.key.sign(text.encode())).decode()
        proof = self.consistency(old, 0, size) if old else []
        hashes = "".join(base64.b64encode(step).decode() + "\n" for step in proof)
        return f"old {old}\n{hashes}\n{text}\n\u2014 {self.origin} {line}\n".encode()
