#!/usr/bin/env python3
"""Measures an environment: raw C_Sign, mutual TLS with one C_Sign and nothing else, whole exchanges beside both, what each
of the two processes spends on one, and what each stage of one costs by itself.

scripts/bench runs it. The ratios count; the rates are those of the machine, which also makes the load.
"""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from campaign_power import EATMYDATA
from environment import Environment, wait_until
from gateway_client import exchange_form, tool
from gateway_load import readiness

USERS = 200
# So many distinct tokens that none comes again soon: the memory of verified tokens is of no use.
FRESH = 20_000
# Entries of the large log that is opened and verified.
LARGE = 1_000_000
TICKS = os.sysconf("SC_CLK_TCK")


# The target whose key is RS256.
RS256 = "//iam.googleapis.com/projects/7/locations/global/workloadIdentityPools/agents/providers/vault"


def write_requests(environment, path, count, **fields):
    """One form body a line, each with a token of its own; users repeat after USERS."""
    agent = environment.agent_token()
    fields = fields or {"authorization_details": tool("crm.read_account", "read")}
    with open(path, "w") as file:
        for number in range(count):
            user = environment.user_token(f"user{number % USERS:03d}")
            form = exchange_form(environment, user, agent, **fields)
            file.write(urllib.parse.urlencode(form) + "\n")


def run(environment, *arguments):
    """A bench command's JSON lines."""
    binary = environment.directory / "run" / "vault-appliance"
    done = subprocess.run(
        [binary, "bench", *map(str, arguments), "--json"], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]})
    if done.returncode != 0:
        sys.exit(f"bench {arguments[0]} failed:\n{done.stdout}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def processor_seconds(environment):
    """Processor time of front and core so far."""
    times = []
    for name in ("VAULT_PID", "VAULT_CORE_PID"):
        fields = pathlib.Path(f"/proc/{environment[name]}/stat").read_text().rpartition(")")[2].split()
        times.append((int(fields[11]) + int(fields[12])) / TICKS)
    return times


def memory(environment, what="Rss"):
    """Memory of front and core, in MB: resident (Rss), or with pages that both map counted in halves (Pss)."""
    texts = [
        pathlib.Path(f"/proc/{environment[name]}/smaps_rollup").read_text() for name in ("VAULT_PID", "VAULT_CORE_PID")]
    return [int(re.search(rf"^{what}:\s+(\d+)", text, re.MULTILINE)[1]) / 1024 for text in texts]


def log_alone(environment, folder):
    """The audit log by itself: durable appends beside ones that wait for nothing, and a log of a million entries."""
    print("\nthe audit log alone, entries of 1 KiB: durable, never waiting for the disk (unsynced), writing nothing (none)")
    print("   callers        durable             unsynced                 none")
    lines = run(environment, "log", folder, "--seconds", 2, "--entries", LARGE)
    for callers in sorted({line["callers"] for line in lines if "callers" in line}):
        disks = {line["disk"]: line for line in lines if line.get("callers") == callers}
        cells = [
            f"{disks[name]['rate']:>8}/s ({disks[name]['leaves_per_sync_hundredths'] / 100:.1f} a sync)"
            for name in ("durable", "unsynced", "none")]
        print(f"   {callers:>7} " + " ".join(cells))
    large = lines[-1]
    print(
        f"   a log of {large['entries']} entries is open in {large['open_us'] / 1e6:.2f} s, "
        f"verified in {large['verify_us'] / 1e6:.1f} s")


def log_figures(environment):
    """Entries of the log so far, syncs that made them durable, and what a sync takes in seconds."""
    time.sleep(1.5)  # The front asks the core once a second.
    with urllib.request.urlopen(environment["VAULT_OPS_URL"] + "/metrics", timeout=5) as answer:
        text = answer.read().decode()
    names = ("vault_core_log_size", "vault_core_log_syncs_total", "vault_core_log_sync_seconds")
    return [float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1]) for name in names]


def durability(environment, requests, seconds):
    """What the durable log costs: the same load with a log that never waits for the disk, in the same run."""
    print("\nthe durable log beside one whose syncs do nothing (libeatmydata; else the same: written, hashed, signed)")
    rates = {}
    for name, variables in (("durable", {}), ("no syncs", {"LD_PRELOAD": str(EATMYDATA)})):
        environment.restart("core", variables)
        # The listener's key is in the token: until the front has found the core again no connection comes about.
        wait_until(lambda: readiness(environment) == 200, "the front has found the core")
        load(environment, requests, 16, 3)
        for connections in (16, 64):
            size, syncs, _ = log_figures(environment)
            figures = load(environment, requests, connections, seconds)
            late_size, late_syncs, latency = log_figures(environment)
            leaves = (late_size - size) / max(1, late_syncs - syncs)
            rates[name, connections] = figures["rate"]
            print(
                f"   {name:<10}{connections:>4} connections {figures['rate']:>6}/s   p50 {figures['p50_us'] / 1000:.2f} ms"
                f"   p99 {figures['p99_us'] / 1000:.2f} ms   {leaves:.1f} leaves a sync, {latency * 1e6:.0f} us each")
    for connections in (16, 64):
        cost = 100 * (1 - rates["durable", connections] / rates["no syncs", connections])
        print(f"   {connections} connections: durability takes {cost:.0f} % of the rate")
    environment.restart("core")


def load(environment, requests, connections, seconds, url=None, ca=None):
    """A run of the load generator, against the gateway listener unless another server is given."""
    address = urllib.parse.urlsplit(url or environment["VAULT_URL"])
    return run(
        environment, "exchange", "--host", address.hostname, "--port", address.port, "--ca",
        ca or environment["VAULT_CA"], "--cert", environment["GATEWAY_CERT"], "--key", environment["GATEWAY_KEY"],
        "--requests", requests, "--connections", connections, "--seconds", seconds, "--warmup", 1)[0]


def exchange(environment, requests, connections, seconds):
    """A run with microseconds of processor time an exchange for front and core."""
    before = processor_seconds(environment)
    result = load(environment, requests, connections, seconds)
    after = processor_seconds(environment)
    # The second before the one that counts is at about the same rate.
    count = sum(result["statuses"].values()) * (seconds + 1) / seconds
    result["spent"] = [(late - early) * 1e6 / count for early, late in zip(before, after)]
    return result


def rs256(environment, requests, raw, seconds):
    """Whole exchanges whose token a 2048-bit RSA key signs: what they leave of the token's own rate."""
    write_requests(environment, requests, USERS, audience=RS256)
    print(f"\nwhole exchanges, RS256 (2048 bits), durable log; raw C_Sign is {raw}/s (to reach: 80 %)")
    for connections in (16, 64):
        figures = exchange(environment, requests, connections, seconds)
        front, core = figures["spent"]
        print(
            f"   {connections} connections: {figures['rate']}/s, {100 * figures['rate'] / raw:.0f} % of raw C_Sign,"
            f" p50 {figures['p50_us'] / 1000:.2f} ms, p99 {figures['p99_us'] / 1000:.2f} ms,"
            f" front {front:.0f} us, core {core:.0f} us")


@contextlib.contextmanager
def running(environment, ready, *arguments):
    """A bench server of the appliance's binary; yields when `ready` says that it answers."""
    binary = environment.directory / "run" / "vault-appliance"
    log = environment.directory / "bench-server.log"
    with open(log, "w") as output:
        process = subprocess.Popen(
            [binary, "bench", *map(str, arguments)], stdout=output, stderr=output,
            env=os.environ | {"SOFTHSM2_CONF": environment["SOFTHSM2_CONF"]})
    try:
        for _ in range(200):
            try:
                ready()
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit(f"bench {arguments[0]} ended:\n{log.read_text()}")
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        # A read of the core's revocations, which waits for news, ends first.
        process.wait(30)


def one_process(environment):
    """The same appliance without the socket between front and core, in the two processes' place."""
    scripts = pathlib.Path(__file__).resolve().parents[2] / "scripts"
    subprocess.run([scripts / "dev-down", environment.directory], check=True, stderr=subprocess.DEVNULL)
    return running(
        environment, lambda: urllib.request.urlopen(environment["VAULT_OPS_URL"] + "/health/ready", timeout=2),
        "one-process", "--config", environment["VAULT_CONFIG"])


def baseline(environment, requests, algorithm, connections, seconds):
    """Mutual TLS with one C_Sign a request and nothing else: the rate, and what one request costs its process."""
    certificate = environment.directory / "bench-server.pem"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with running(
            environment, lambda: socket.create_connection(("127.0.0.1", port), 1).close(), "baseline", "--config",
            environment["VAULT_CONFIG"], "--port", port, "--cert", certificate, "--client-ca", environment["VAULT_CA"],
            "--alg", algorithm):
        return load(environment, requests, connections, seconds, f"https://127.0.0.1:{port}", certificate)


def main():
    environment = Environment(sys.argv[1])
    seconds = int(sys.argv[2])

    print("the token alone, signatures/s    lanes   C_Sign     lanes without check    lanes, checking   a check")
    raw = {}
    for line in run(environment, "hsm", "--config", environment["VAULT_CONFIG"], "--seconds", 2):
        if "recommended_lanes" in line:
            continue
        print(
            f"   {line['alg']:<29}{line['lanes']:>5}{line['loop']:>9}{line['bridge_unchecked']:>15} "
            f"({line['bridge_unchecked_permille'] / 10:.1f} %){line['bridge']:>10} ({line['bridge_permille'] / 10:.1f} %)"
            f"{line['check_us']:>7} us")
        raw.setdefault(line["alg"], []).append(line)
    best = max(line["loop"] for line in raw["ES256"])
    one = next(line for line in raw["ES256"] if line["lanes"] == 1)
    sign_and_check = 1e6 / one["loop"] + one["check_us"]

    with tempfile.TemporaryDirectory() as folder:
        again, fresh = pathlib.Path(folder, "again"), pathlib.Path(folder, "fresh")
        write_requests(environment, again, USERS)
        write_requests(environment, fresh, FRESH)
        print("\nmutual TLS, one C_Sign (ES256) and nothing else, in one process")
        bare = {}
        for connections in (16, 64):
            figures = baseline(environment, again, "ES256", connections, seconds)
            bare[connections] = figures["rate"]
            print(
                f"   {connections} connections: {figures['rate']}/s, p50 {figures['p50_us'] / 1000:.2f} ms,"
                f" p99 {figures['p99_us'] / 1000:.2f} ms")

        print(f"\nwhole exchanges, ES256, durable log; raw C_Sign is {best}/s")
        print("   inbound tokens       connections     rate   of TLS + C_Sign   p50 ms   p99 ms   front us   core us")
        rates = {}
        for name, requests, connections in (
            (f"come again ({USERS})", again, 16), (f"come again ({USERS})", again, 64), ("each fresh", fresh, 16)):
            figures = exchange(environment, requests, connections, seconds)
            front, core = figures["spent"]
            rates.setdefault(connections, figures["rate"])
            print(
                f"   {name:<21}{connections:>11}{figures['rate']:>9}"
                f"{100 * figures['rate'] / bare[connections]:>16.0f} %"
                f"{figures['p50_us'] / 1000:>9.2f}{figures['p99_us'] / 1000:>9.2f}{front:>11.0f}{core:>10.0f}")
        rs256(environment, pathlib.Path(folder, "rs256"), max(line["loop"] for line in raw["RS256"]), seconds)
        print(f"\nOf the core's time one C_Sign and its check on the host take {sign_and_check:.0f} us.")
        (front, core), together = memory(environment), sum(memory(environment, "Pss"))
        print(
            f"memory after that: front {front:.0f} MB, core {core:.0f} MB resident; {together:.0f} MB together, since they map"
            " the same program\n")

        stages = run(
            environment, "stages", "--config", environment["VAULT_CONFIG"], "--cert", environment["GATEWAY_CERT"],
            "--key", environment["GATEWAY_KEY"], "--ca", environment["VAULT_CA"], "--requests", again)[0]
        print("the stages of one exchange by themselves, us of processor time")
        for stage, nanoseconds in stages.items():
            print(f"   {stage:<36}{nanoseconds / 1000:>7.1f}")

        durability(environment, again, seconds)
        log_alone(environment, pathlib.Path(folder, "log"))

        print("\nthe hop between front and core, as what it takes from the rate of one process that is both")
        with one_process(environment):
            for connections in (16, 64):
                alone = load(environment, again, connections, seconds)["rate"]
                cost = 100 * (1 - rates[connections] / alone)
                print(f"   {connections} connections: {rates[connections]}/s instead of {alone}/s, {cost:.0f} % less")


if __name__ == "__main__":
    main()
