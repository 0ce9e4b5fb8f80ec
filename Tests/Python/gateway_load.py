"""Gateways that go on asking while something breaks, and what must be true of the log afterwards."""

import contextlib
import http.client
import ssl
import threading
import time

import jwt

from gateway_client import GatewayClient, exchange_form, get, tool
from log_entries import find, read_entries

READ = tool("crm.read_account", "read")
BROKEN = (OSError, ssl.SSLError, http.client.HTTPException)


def identifier(body):
    """The jti of the token in an answer."""
    return jwt.decode(body["access_token"], options={"verify_signature": False})["jti"]


def readiness(environment):
    """The status of the front's readiness."""
    return get(environment, environment["VAULT_OPS_URL"] + "/health/ready")[0]


class RenewedForm:
    """What a gateway posts, with fresh tokens now and then: those of development live for 300 s."""

    AGE = 120

    def __init__(self, environment):
        self.environment, self.form, self.made = environment, {}, 0

    def current(self):
        # By the time of day, as whoever looks at them: a test may move it.
        if time.time() - self.made >= self.AGE:
            self.form, self.made = exchange_form(self.environment, authorization_details=READ), time.time()
        return self.form


class GatewayLoad:
    """Gateways, each over its own connections, until they are told to stop.

    `received` grows by what `take` makes of each answer with a token: its jti, unless told otherwise. Each rests for `rest`
    seconds after a token, and for `pause` seconds after a refusal. `turned_away` has the identifiers of the requests that
    were told to come back, and None for one that was not answered. Each request is made while `turn` is held.
    """

    def __init__(self, environment, received, connections=4, pause=0.05, rest=0, take=identifier, turn=None):
        self.turn = turn or contextlib.nullcontext()
        self.environment, self.received, self.pause, self.rest, self.take = environment, received, pause, rest, take
        self.unexpected, self.unavailable, self.turned_away = [], 0, []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self):
        gateway, form = GatewayClient(self.environment), RenewedForm(self.environment)
        while not self.stopping.is_set():
            try:
                with self.turn:
                    status, body = gateway.post(form.current())
            except BROKEN:
                gateway.close()
                gateway.headers = {}
                status, body = 503, {}
            if status == 200:
                self.received.append(self.take(body))
                self.stopping.wait(self.rest)
            elif status == 503:
                self.unavailable += 1
                self.turned_away.append(gateway.headers.get("x-request-id"))
                self.stopping.wait(self.pause)
            else:
                self.unexpected.append((status, body))
                self.stopping.wait(self.pause)
        gateway.close()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def refusals(load, *environments):
    """Why requests were told to come back, as the logs of those say that they may have come to.

    That this machine was too busy to answer one in time is left out."""
    reasons = []
    for request in load.turned_away:
        # What was minted in vain for it has its identifier too.
        is_refusal = lambda entry: entry["kind"] == "denied" and entry.get("request_id") == request
        found = request and next(filter(None, (
            find(environment["VAULT_LOG_DIR"], is_refusal, seconds=5) for environment in environments)), None)
        reasons.append(found[1]["reason"] if found else "no log says")
    return [reason for reason in reasons if not reason.startswith("core: saturated")]


def missing_leaves(environment, received):
    """The tokens that were received and have no leaf under the checkpoint yet."""
    entries = read_entries(environment["VAULT_LOG_DIR"])
    return set(received) - {entry.get("jti") for entry in entries if entry["kind"] == "mint"}


def verify_log(environment):
    """What `audit verify` finds wrong; empty when the log is whole."""
    arguments = ("--log", environment["VAULT_LOG_DIR"], "--vkey", environment["VAULT_LOG_VKEY"])
    done = environment.appliance("audit", "verify", *arguments)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def await_leaves(environment, received):
    """Wait until a checkpoint covers the leaf of every token that was received; a large log is read for longer than it waits."""
    for _ in range(120):
        if not (missing := missing_leaves(environment, received)):
            return
        time.sleep(1)
    raise AssertionError(f"{len(missing)} of {len(received)} tokens have no leaf, such as {sorted(missing)[:3]}")
