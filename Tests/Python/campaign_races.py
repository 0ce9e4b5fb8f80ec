#!/usr/bin/env python3
"""One assertion, or one DPoP proof, sent by sixteen connections at once, again and again: exactly one request is granted.

scripts/test runs a few rounds; the figure to reach is 10,000.
"""

import argparse
import collections
import pathlib
import sys
import tempfile
import threading
import time

from client_proofs import assertion_fields, proof
from environment import Environment
from gateway_client import GatewayClient
from gateway_load import RenewedForm, await_leaves, identifier, verify_log

RACERS = 16
# What the others are told: the assertion, or the proof, was used before.
LOST = {"assertion": (401, "invalid_client"), "proof": (400, "invalid_dpop_proof")}


class Race:
    """Sixteen connections that start each round together; `answers` are those of the last one."""

    def __init__(self, environment):
        self.environment, self.form, self.nonce = environment, RenewedForm(environment), None
        self.forms, self.headers, self.answers = [{}] * RACERS, None, [None] * RACERS
        self.line = threading.Barrier(RACERS + 1)
        self.threads = [threading.Thread(target=self.run, args=(place,), daemon=True) for place in range(RACERS)]
        for thread in self.threads:
            thread.start()

    def run(self, place):
        gateway = GatewayClient(self.environment, None)
        while True:
            self.line.wait()
            try:
                self.answers[place] = (*gateway.post(self.forms[place], headers=self.headers), gateway.headers)
            except Exception as error:  # Told as an answer that is none.
                gateway.close()
                self.answers[place] = (0, {"error": repr(error)}, {})
            self.line.wait()

    def round(self, kind):
        """All at once with one assertion, or each with its own and one proof; the answers."""
        form = self.form.current()
        if kind == "assertion":
            self.forms, self.headers = [form | assertion_fields(self.environment)] * RACERS, None
        else:
            self.forms = [form | assertion_fields(self.environment) for _ in range(RACERS)]
            self.headers = {"DPoP": proof(self.environment, self.nonce)}
        self.line.wait()
        self.line.wait()
        # A nonce has an end; the server gives the next one with its answers.
        for _, body, headers in self.answers:
            self.nonce = headers.get("dpop-nonce", self.nonce)
        return [(status, body) for status, body, _ in self.answers]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rounds", type=int)
    rounds = parser.parse_args().rounds
    received, faults, lost, done, busy = [], [], collections.Counter(), 0, 0
    with tempfile.TemporaryDirectory(prefix="races-") as folder:
        environment = Environment.up(pathlib.Path(folder) / "environment")
        try:
            race, began = Race(environment), time.monotonic()
            race.round("proof")  # Without a nonce: all are told the first one.
            while done < rounds:
                number, kind = done + 1, "proof" if done % 2 else "assertion"
                answers = race.round(kind)
                if kind == "proof" and all(body.get("error") == "use_dpop_nonce" for _, body in answers):
                    answers = race.round(kind)
                won = [body for status, body in answers if status == 200]
                others = collections.Counter((status, body.get("error")) for status, body in answers if status != 200)
                received += map(identifier, won)
                lost += others
                # Who is turned away for want of time has not raced: that round does not count, unless two have won it.
                if any(status == 503 for status, _ in answers) and len(won) < 2 and busy < rounds:
                    busy += 1
                    time.sleep(0.1)
                    continue
                done += 1
                if len(won) != 1 or others != {LOST[kind]: RACERS - 1}:
                    faults.append(f"round {number} ({kind}): {len(won)} granted, others {dict(others)}")
                if number % 1000 == 0:
                    print(f"   {number} rounds, {len(faults)} faults", flush=True)
            seconds = time.monotonic() - began
            await_leaves(environment, received)
            if problem := verify_log(environment):
                faults.append(f"at the end: {problem}")
        finally:
            environment.down()
    for fault in faults[:20]:
        print(f"FAULT: {fault}")
    told = ", ".join(f"{count} {status} {error}" for (status, error), count in sorted(lost.items()))
    print(
        f"races: {rounds} rounds of {RACERS} in {seconds:.0f} s, {rounds - len(faults)} with one winner; {len(received)} tokens, all with their "
        f"leaf; refused: {told}; {busy} rounds more in which somebody was turned away; {len(faults)} faults")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
