"""A gateway as the appliance sees one: mutual TLS and form posts, with Python's own TLS and HTTP."""

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"


def tls_context(environment, certificate=None):
    """TLS 1.3 that trusts the development CA; `certificate` is 'GATEWAY', 'STRANGER' or None."""
    context = ssl.create_default_context(cafile=environment["VAULT_CA"])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if certificate:
        context.load_cert_chain(environment[f"{certificate}_CERT"], environment[f"{certificate}_KEY"])
    return context


class GatewayClient:
    """One keep-alive connection to the gateway listener."""

    def __init__(self, environment, certificate="GATEWAY"):
        self.environment = environment
        address = urllib.parse.urlsplit(environment["VAULT_URL"])
        self.connection = http.client.HTTPSConnection(
            address.hostname, address.port, timeout=60, context=tls_context(environment, certificate)
        )

    def close(self):
        self.connection.close()

    def post(self, form, path="/oauth2/token", headers=None):
        """Post form fields (a dictionary, or pairs) and return status and decoded body."""
        body = urllib.parse.urlencode(form)
        fields = {"Content-Type": "application/x-www-form-urlencoded"} | (headers or {})
        self.connection.request("POST", path, body, fields)
        response = self.connection.getresponse()
        text = response.read()
        self.headers = dict((name.lower(), value) for name, value in response.getheaders())
        return response.status, json.loads(text) if text else {}

    def exchange(self, user=None, agent=None, **fields):
        """A token exchange for demo-api with fresh tokens, unless others are given."""
        return self.post(exchange_form(self.environment, user, agent, **fields))


def exchange_form(environment, user=None, agent=None, **fields):
    """The fields of a token exchange (RFC 8693 section 2.1); a field that is None is left out."""
    form = {
        "grant_type": GRANT,
        "subject_token": user or environment.user_token(), "subject_token_type": JWT,
        "actor_token": agent or environment.agent_token(), "actor_token_type": JWT,
        "audience": "https://demo-api.acme.example",
    } | fields
    return {name: value for name, value in form.items() if value is not None}


def tool(name, action, **members):
    """One tool invocation as authorization_details (RFC 9396)."""
    return json.dumps([{"type": "tool_invocation", "tool": name, "actions": [action], **members}])


def get(environment, url):
    """Status and text of a GET without a client certificate."""
    context = tls_context(environment) if url.startswith("https:") else None
    try:
        with urllib.request.urlopen(url, timeout=60, context=context) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
