#!/usr/bin/env python3
"""Measures an appliance over a slow token (75 ms a signature, one lane): scripts/bench-slow-hsm runs it."""

import pathlib
import sys
import tempfile
import threading
import time

from environment import Environment, wait_until
from fault_module import FaultyHSM
from gateway_client import GatewayClient, exchange_form
from gateway_load import READ, readiness

DELAY = 0.075
CONNECTIONS = 48
WARM_UP = 3


class Gateway(threading.Thread):
    """Asks without pause; one that is refused comes back when it was told to, or at once."""

    def __init__(self, environment, obeys):
        super().__init__()
        self.environment, self.end, self.obeys = environment, 0, obeys
        self.form = exchange_form(environment, authorization_details=READ)
        self.granted, self.refused, self.others = [], [], 0
        # When somebody came back exactly when it was told to, and whether it was let in.
        self.returned = []
        # Connected while the token is quick: forty-eight handshakes at once would wait for its TLS share until they fail.
        self.gateway = GatewayClient(environment)
        self.gateway.connection.connect()

    def run(self):
        gateway = self.gateway
        comes_back = False
        while time.monotonic() < self.end:
            started = time.monotonic()
            status, _ = gateway.post(self.form)
            took = time.monotonic() - started
            if comes_back:
                self.returned.append((started, status == 200))
            comes_back = False
            if status == 200:
                self.granted.append((time.monotonic(), took))
            elif status == 503:
                self.refused.append((time.monotonic(), took))
                comes_back = self.obeys
                time.sleep(float(gateway.headers["retry-after"]) if self.obeys else 0.1)
            else:
                self.others += 1
        gateway.close()


def one_lane(environment):
    path = pathlib.Path(environment["VAULT_CONFIG"])
    path.write_text(path.read_text().replace("lanes: 2", "lanes: 1"))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0


def measure(environment, hsm, seconds, obeys):
    """A run with its figures; the first seconds, in which the token turns slow and the line fills, do not count."""
    hsm.set()
    gateways = [Gateway(environment, obeys) for _ in range(CONNECTIONS)]
    hsm.set(f"C_Sign delay {round(DELAY * 1000)}ms")
    started = time.monotonic() + WARM_UP
    for gateway in gateways:
        gateway.end = started + seconds
    for gateway in gateways:
        gateway.start()
    time.sleep(max(0, started - time.monotonic()))
    before = hsm.tally()[0]["C_Sign"]
    time.sleep(seconds)
    asked = hsm.tally()[0]["C_Sign"] - before
    for gateway in gateways:
        gateway.join()
    granted = [took for gateway in gateways for at, took in gateway.granted if started <= at <= started + seconds]
    everyone = [took for gateway in gateways for _, took in gateway.refused]
    refused = [took for gateway in gateways for at, took in gateway.refused if started <= at <= started + seconds]
    others = sum(gateway.others for gateway in gateways)
    beside = asked - len(granted)
    possible = seconds / DELAY
    print(f"   {len(granted)} granted in {seconds} s; the lane has time for {possible:.0f} signatures, {asked} were asked of it")
    print(f"   {100 * len(granted) / (possible - beside):.1f} % of what the lane leaves beside {beside} others (checkpoints, handshakes, "
          f"too late), {100 * beside / possible:.1f} % of it")
    print(f"   granted after {percentile(granted, 0.5) * 1000:.0f} ms (p50), {max(granted) * 1000:.0f} ms (most)")
    print(f"   {len(refused)} refused after {percentile(refused, 0.5) * 1000:.0f} ms (p50), {percentile(refused, 0.99) * 1000:.0f} ms (p99), "
          f"{max(refused, default=0) * 1000:.0f} ms (most); {others} other answers")
    print(f"   while the token turned slow: {len(everyone) - len(refused)} refused, after {max(everyone, default=0) * 1000:.0f} ms at the most")
    if obeys:
        returned = [let_in for gateway in gateways for at, let_in in gateway.returned if started <= at <= started + seconds]
        print(f"   {len(returned)} came back after exactly Retry-After, {sum(returned)} of them were let in")


def main():
    seconds = int(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="slow-") as folder:
        environment = Environment.up(pathlib.Path(folder) / "environment")
        try:
            one_lane(environment)
            hsm = FaultyHSM(environment)
            wait_until(lambda: readiness(environment) == 200, "the front is ready")
            for obeys, name in ((False, "come back at once"), (True, "come back when they were told to")):
                print(f"{CONNECTIONS} gateways that {name}:")
                measure(environment, hsm, seconds, obeys)
        finally:
            environment.down()


if __name__ == "__main__":
    main()
