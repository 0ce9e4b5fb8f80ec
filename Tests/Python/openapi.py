#!/usr/bin/env python3
"""openapi.py [CASES]: what /openapi.json says is true of the appliance, for so many requests that schemathesis makes of it.

No request may be answered with a 5xx but 503, with a status, media type or body that the document does not have, or not
at all. Half of the requests are made to be wrong. CASES is the least number of requests in all; 1000 unless given.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

from environment import Environment, is_alive
from gateway_client import get

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
HERE = pathlib.Path(__file__).resolve().parent


def run(environment, document, url, paths, examples, folder):
    """Requests for some paths at the listener that serves them; the number of requests and the status."""
    report = folder / "report.json"
    (folder / "schemathesis.toml").write_text(
        '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503]\n')
    command = [
        pathlib.Path(sys.executable).with_name("schemathesis"), "run", document, "--url", url, "--checks", CHECKS,
        "--max-examples", str(examples), "--phases", "examples,coverage,fuzzing", "--continue-on-failure",
        "--request-timeout", "10", "--tls-verify", environment["VAULT_CA"], "--request-cert", environment["GATEWAY_CERT"],
        "--request-cert-key", environment["GATEWAY_KEY"], "--generation-database", "none", "--no-color",
        "--report", "json", "--report-json-path", report, "--suppress-health-check", "all", "--warnings", "off",
        "--workers", "2"]
    for path in paths:
        command += ["--include-path", path]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True,
        env=os.environ | {
            "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(HERE),
            "VAULT_ENVIRONMENT": str(environment.directory)})
    generated = re.search(r"(\d[\d,]*) generated", done.stdout)
    if done.returncode != 0 or not generated:
        print(done.stdout + done.stderr, file=sys.stderr)
    return int(generated[1].replace(",", "")) if generated else 0, done.returncode


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vault-openapi-"))
    environment = Environment.up(folder / "environment")
    failed = 0
    try:
        document = folder / "openapi.json"
        text = get(environment, environment["VAULT_PUBLIC_URL"] + "/openapi.json")[1]
        document.write_text(text)
        by_server = {}
        for path, item in json.loads(text)["paths"].items():
            by_server.setdefault(item["servers"][0]["url"], []).append(path)
        total = 0
        for url, paths in by_server.items():
            # The documents take no input: asking for each of them a few times is enough. Not every operation has room
            # for as many different requests as are asked for.
            is_gateway = urllib.parse.urlsplit(url).port == urllib.parse.urlsplit(environment["VAULT_URL"]).port
            examples = 2 * wanted // len(paths) if is_gateway else 10
            count, status = run(environment, document, url, paths, examples, folder)
            print(f"{url}: {len(paths)} paths, {count} requests, {'as described' if status == 0 else 'FAILED'}")
            total, failed = total + count, failed + (status != 0)
        for name in ("VAULT_PID", "VAULT_CORE_PID"):
            failed += not is_alive(environment[name])
        metrics = get(environment, environment["VAULT_OPS_URL"] + "/metrics")[1]
        answers = {}
        for status, number in re.findall(r'^vault_http_requests_total\{.*status="(\d+)"\} (\d+)$', metrics, re.M):
            answers[status] = answers.get(status, 0) + int(number)
        print("answers:", ", ".join(f"{status}: {number}" for status, number in sorted(answers.items())))
        failed += "200" not in answers or any(status[0] == "5" and status != "503" for status in answers)
        failed += total < wanted
        print(f"openapi: {total} requests, {'nothing found' if not failed else 'FAILED'}")
    finally:
        environment.down()
        subprocess.run(["rm", "-rf", folder], check=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
