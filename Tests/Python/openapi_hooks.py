"""What schemathesis cannot know of the appliance: tokens that are accepted, and how a security event token is sent.

Loaded by schemathesis (SCHEMATHESIS_HOOKS); VAULT_ENVIRONMENT is the directory of the environment that is tested.
"""

import os
import random

import schemathesis

from environment import Environment
from gateway_client import GRANT, JWT, tool

environment = Environment(os.environ["VAULT_ENVIRONMENT"])
READ = tool("crm.read_account", "read")


@schemathesis.serializer("application/secevent+jwt")
def security_event(_, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_body(_, body):
    """In half of the bodies some members are as a client of the development environment sends them."""
    if not isinstance(body, dict):
        return body
    # Chance follows from the body: schemathesis makes a request again to see what was wrong with it.
    chance = random.Random(repr(sorted(body.items(), key=repr)))
    if chance.random() < 0.5:
        return body
    good = {
        "grant_type": GRANT, "subject_token": environment.user_token(), "subject_token_type": JWT,
        "actor_token": environment.agent_token(), "actor_token_type": JWT, "audience": "demo-api",
        "scope": "accounts:read", "authorization_details": READ, "token": environment.agent_token()}
    names = [name for name in good if name in body or name != "token" and "token" not in body]
    if chance.random() < 0.5:
        names = chance.sample(names, chance.randint(0, len(names)))
    else:
        # A whole good request, with whatever else was made up.
        body = {name: value for name, value in body.items() if name in good or chance.random() < 0.1}
    return body | {name: good[name] for name in names}
