#!/usr/bin/env python3
"""A signing key is rotated as docs/ceremonies.md says, under load, and no verifier that caches the key set notices.

Gateways ask the front throughout, and each token is shown at once to resource servers with PyJWT's own cache, which keep the
key set for as long as the public listener's Cache-Control says. They and the appliance live by one clock, which is moved.
"""

import os
import pathlib
import re
import signal
import tempfile
import threading
import time
import types
import unittest
import urllib.parse
import urllib.request

import jwt

import summary
from caching_verifier import CachingVerifier
from environment import Environment, wait_until
from gateway_client import tls_context
from gateway_load import GatewayLoad, refusals, verify_log
from party import Party
from shims import MovingClock
from web_server import Address

UNKNOWN = "Unable to find a signing key"
OLD, NEW = "sign-es256", "sign-2026b"
TYPES = ("at+jwt", "txntoken+jwt", "oauth-id-jag+jwt")
# A token of the target lives for 60 s, a gateway's own for 300 s: neither is to end within one step of the clock.
STEP = 20

directory = tempfile.TemporaryDirectory(prefix="rotation-")
PATH = pathlib.Path(directory.name)
environment = party = clock = load = age = None
# Resource servers that keep the key set as long as they may, and began at different times; one that keeps it for longer.
servers, stubborn = [], None
taking, turn = threading.Lock(), threading.Lock()
# The last token of each kid.
last = {}


def setUpModule():
    global environment, party, clock
    unittest.addModuleCleanup(directory.cleanup)
    clock = MovingClock()
    move_caches()
    address = Address()
    unittest.addModuleCleanup(address.close)
    environment = Environment.up(PATH / "environment", DEV_ISSUER=address.url)
    unittest.addModuleCleanup(environment.down)
    address.lead_to(urllib.parse.urlsplit(environment["VAULT_PUBLIC_URL"]).port)
    party = Party(environment, PATH / "party")
    unittest.addModuleCleanup(lambda: load and load.stop())


def move_caches():
    """PyJWT counts the age of what it has by a clock that only runs: let that be moved as well."""
    moved = types.SimpleNamespace(monotonic=lambda: time.monotonic() + clock.seconds)
    for module in (jwt.jwks_client, jwt.jwk_set_cache, jwt.api_jwk):
        assert module.time is time, module
        module.time = moved


def cache_age():
    """How long a verifier may keep the key set, as the public listener says (RFC 9111 section 5.2.2.1)."""
    url = f"{environment['VAULT_ISSUER']}/.well-known/jwks.json"
    with urllib.request.urlopen(url, context=tls_context(environment), timeout=60) as response:
        return int(re.search(r"\bmax-age=(\d+)", response.headers["Cache-Control"])[1])


def take(answer):
    """Every token is shown to every resource server at once; one of them may not know it."""
    token = answer["access_token"]
    with taking:
        for server in (*servers, stubborn):
            server.take(answer)
    kid = jwt.get_unverified_header(token)["kid"]
    last[kid] = token
    return kid


def key(label):
    """The key of this label, as the core says."""
    return next(key for key in party.appliance()["keys"] if key["label"] == label)


def change(label, state):
    party.hold(party.plan(
        "change-key-state", key(label)["kid"], "", state, more=f"consumer_cache_age: {age}s\n", rehearsed=False))
    assert key(label)["state"] == state


def wait(seconds):
    """Let so much time pass for everybody, while the gateways go on."""
    for _ in range(-(-seconds // STEP)):
        before = len(load.received)
        wait_until(lambda: len(load.received) > before + 4, "the gateways get tokens")
        # Within a request the core would see a token that was drafted long ago, and refuse to sign it.
        with turn:
            clock.move(STEP)


def fetches(server):
    """How far apart a resource server's fetches of the key set were."""
    return [later - earlier for earlier, later in zip(server.keys.fetched, server.keys.fetched[1:])]


class Rotation(unittest.TestCase):
    def tearDown(self):
        """Throughout, no gateway was refused anything, no resource server met an unknown kid, or asked sooner than it may."""
        for server in servers:
            self.assertEqual(server.refused, [])
            self.assertTrue(all(gap >= age for gap in fetches(server)), fetches(server))
        if load:
            self.assertEqual(load.unexpected, [])
            self.assertEqual(refusals(load, environment), [])

    def test_1_resource_servers_keep_the_key_set_as_long_as_they_may(self):
        global age, stubborn, load
        age = cache_age()
        self.assertGreaterEqual(age, 300, "no plan may take consumers' caches for younger")
        stubborn = CachingVerifier(environment, lifespan=10 * age, patience=10 * age)
        # PyJWT would ask early, for a kid that it does not know; these never do.
        servers.append(CachingVerifier(environment, lifespan=age, patience=age))
        load = GatewayLoad(environment, [], connections=2, rest=0.05, take=take, turn=turn)
        for _ in range(2):
            wait(age // 3)
            servers.append(CachingVerifier(environment, lifespan=age, patience=age))
        wait(age // 3)
        self.assertEqual(set(load.received), {key(OLD)["kid"]})

    def test_2_a_key_is_generated_and_published_and_signs_nothing(self):
        # One of them fetches the key set at the last moment before.
        servers.append(CachingVerifier(environment, lifespan=age, patience=age))
        wait_until(lambda: servers[-1].seen, "the last of them has the keys of before")
        evidence = party.hold(party.plan(
            "generate", NEW, "", "signing", "ES256", "", *TYPES, "", "", "", rehearsed=False))
        self.assertTrue(evidence)
        self.assertEqual(key(NEW)["state"], "prepublished")
        early = party.draft(party.plan(
            "change-key-state", key(NEW)["kid"], "", "active", more=f"consumer_cache_age: {age}s\n", rehearsed=False))
        self.assertIn("can become active at", party.ceremony("run", early, code=1))
        party.ceremony("abort", early, "--reason", "too early", "--key", party.home("anna") / "id_ssh")
        self.assertEqual(set(load.received), {key(OLD)["kid"]})

    def test_3_after_the_age_of_caches_it_is_promoted_and_signs(self):
        wait(age)
        change(NEW, "active")
        config = pathlib.Path(environment["VAULT_CONFIG"])
        text = config.read_text()
        entry = re.search(rf"^  - {{label: {OLD}, .*\n", text, re.MULTILINE)[0]
        text = text.replace(entry, entry + entry.replace(OLD, NEW))
        changed, count = re.subn(rf"\bkey: {OLD}\b", f"key: {NEW}", text)
        self.assertGreater(count, 3, "targets are signed by the old key")
        config.write_text(changed)
        os.kill(int(environment["VAULT_PID"]), signal.SIGHUP)
        wait_until(lambda: load.received[-1] == key(NEW)["kid"], "the new key signs")
        # What was asked before may still come.
        for server in servers:
            wait_until(lambda: server.seen[key(NEW)["kid"]] > 50, "resource servers take its tokens")

    def test_4_the_old_key_retires_and_its_tokens_are_good_until_the_last_has_run_out(self):
        old = key(OLD)["kid"]
        change(OLD, "retiring")
        # Who comes only now finds it.
        self.assertEqual(CachingVerifier(environment).keys.get_signing_key_from_jwt(last[old]).key_id, old)
        wait(300 + 60)
        change(OLD, "retired")
        with self.assertRaisesRegex(jwt.PyJWKClientError, UNKNOWN):
            wait_until(
                lambda: not CachingVerifier(environment).keys.get_signing_key_from_jwt(last[old]), "it is fetched no more")

    def test_5_each_has_fetched_the_keys_again_and_verified_tokens_of_both(self):
        new = key(NEW)["kid"]
        before = len(load.received)
        wait(age)
        load.stop()
        self.assertEqual(set(load.received[before:]), {new})
        self.assertEqual(set(load.received), set(last))
        for server in servers:
            self.assertEqual(set(server.seen), set(last))
            self.assertGreaterEqual(len(fetches(server)), 3)
            self.assertEqual({each.key_id for each in server.keys.get_signing_keys()} & set(last), {new})
        self.assertEqual(servers[0].seen.total(), len(load.received))
        self.assertEqual(verify_log(environment), "")

    def test_6_who_keeps_the_key_set_for_longer_than_the_plan_took_as_read_does_not_know_the_key(self):
        self.assertEqual(set(stubborn.seen), set(last) - {key(NEW)["kid"]})
        self.assertGreater(len(stubborn.refused), 50)
        self.assertTrue(all(UNKNOWN in refusal for refusal in stubborn.refused), stubborn.refused[0])


if __name__ == "__main__":
    MovingClock.enter()
    summary.run("rotation")
