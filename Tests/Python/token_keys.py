"""The keys of a token as another program (pkcs11-tool) reads them back, beside what a manifest says that they are."""

import os
import re
import subprocess

# What a private key of each purpose may do, and its public key.
USES = {
    "signing": ("sign", "verify"), "assertion": ("sign", "verify"), "checkpoint": ("sign", "verify"), "tls": ("sign", "verify"),
    "kek": ("decrypt", "encrypt")}
# What shows where a private key, and its public key, come from: one that was brought was not always in this token alone.
ACCESS = {
    "generated": ({"sensitive", "always sensitive", "never extractable", "local"}, {"local"}), "imported": ({"sensitive"}, set())}
# The one mechanism that each key is for, in pkcs11-tool's words.
MECHANISMS = {
    "ES256": "ECDSA", "EdDSA": "EDDSA", "RS256": "RSA-PKCS", "PS256": "RSA-PKCS-PSS", "RSA-OAEP": "RSA-PKCS-OAEP",
    "RSA-OAEP-256": "RSA-PKCS-OAEP"}


def pkcs11_tool(module, *arguments, variables=None):
    """Run pkcs11-tool; returns the completed process with its text."""
    return subprocess.run(
        ["pkcs11-tool", "--module", str(module), *arguments], capture_output=True, text=True, errors="replace", timeout=300,
        env=os.environ | (variables or {}))


def list_objects(module, label, pin, variables):
    """What pkcs11-tool lists on a token: for each object all that it says of it."""
    listing = pkcs11_tool(
        module, "--token-label", label, "--login", "--pin", pin, "--list-objects", variables=variables)
    if listing.returncode != 0:
        raise AssertionError(f"{label}: {listing.stderr}")
    return [part for part in re.split(r"\n(?=\S)", listing.stdout) if " Object" in part]


def member(text, name):
    """What pkcs11-tool says of an object under a name; None where it says nothing."""
    found = re.search(rf"^ +{name}: +(.+)$", text, re.MULTILINE)
    return found and found[1].strip()


def words(text, name):
    """The same, where it is a list."""
    return set((member(text, name) or "").split(", ")) - {"", "none"}


def seen(text):
    """What must be right of an object."""
    kind = text.split(" Object")[0]
    mechanisms = words(text, "Allowed mechanisms") if kind == "Private Key" else set()
    return (kind, member(text, "label"), member(text, "ID"), words(text, "Usage"), words(text, "Access"), mechanisms)


def wanted(key):
    """The same of both objects of a key of a manifest."""
    for half, kind in enumerate(("Private Key", "Public Key")):
        mechanisms = set() if half else {MECHANISMS[key["alg"]]}
        yield kind, key["label"], key["id"], {USES[key["purpose"]][half]}, ACCESS[key["provenance"]][half], mechanisms


def faults(objects, keys):
    """How the objects of a token differ from the keys that a manifest says are in it; empty when they do not."""
    found, expected = [seen(text) for text in objects], [each for key in keys for each in wanted(key)]
    return [f"not as it was to be made: {each}" for each in found if each not in expected] + [
        f"should be there: {each}" for each in expected if each not in found] + (
        [] if len(found) == len(expected) else [f"{len(found)} objects instead of {len(expected)}"])
