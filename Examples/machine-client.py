#!/usr/bin/env python3
"""A program that acts for itself: an OAuth client with a key of its own (client_credentials, private_key_jwt).

It owns accounts as a person does: those that were opened for the `account_owner` that its registration answers with. Its
role in the policies is `machine` (Policies/data.json), its scopes are those it is registered for; it is nobody whose
profile could be read.

    python3 -m venv /tmp/authlib && /tmp/authlib/bin/pip install authlib requests
    /tmp/authlib/bin/python Examples/machine-client.py new  --key /tmp/machine.json > /tmp/client.json
    ./strongroom register client /tmp/client.json
    /tmp/authlib/bin/python Examples/machine-client.py read --key /tmp/machine.json --home .strongroom

`new` makes a key (the file is readable by nobody else) and prints what to register: the public half. `read` gets a token
and lists the client's accounts and payments.
"""

import argparse
import json
import os
import pathlib
import sys
import uuid

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

SCOPES = ["accounts:read", "accounts:balance:read", "payments:read", "payments:create"]


def new(options):
    key = ECKey.generate_key("P-256", {"kid": "1", "alg": "ES256", "use": "sig"})
    client = str(uuid.uuid4())
    descriptor = os.open(options.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"client_id": client, "key": key.as_dict(private=True)}, file)
    print(json.dumps({
        "id": client, "name": "Night batch", "kind": "confidential", "grants": ["client_credentials"],
        "redirect_uris": [], "scopes": SCOPES, "keys": [key.as_dict(private=False)]}, indent=2))


def read(options):
    known = json.loads(options.key.read_text())
    issuer = json.loads((options.home / "platform.json").read_text())["issuer"]
    server = requests.get(
        f"{issuer}/.well-known/oauth-authorization-server", verify=options.home / "edge-ca.pem", timeout=10).json()
    app = OAuth2Session(
        known["client_id"], ECKey.import_key(known["key"]), scope=" ".join(SCOPES),
        token_endpoint_auth_method="private_key_jwt")
    app.register_client_auth_method(PrivateKeyJWT(
        server["token_endpoint"], alg="ES256", headers={"kid": known["key"]["kid"]}))
    app.verify, app.trust_env = str(options.home / "edge-ca.pem"), False
    token = app.fetch_token(server["token_endpoint"], grant_type="client_credentials")
    print(f"a token for {token['scope']}, good for {token['expires_in']} s")
    for what in ["accounts", "payments"]:
        answer = app.get(f"{issuer}/v1/{what}", timeout=10)
        print(f"GET /v1/{what}: {answer.status_code} {answer.text}")
        if answer.status_code != 200:
            sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=["new", "read"])
    parser.add_argument("--key", type=pathlib.Path, required=True)
    parser.add_argument("--home", type=pathlib.Path, default=pathlib.Path(".strongroom"))
    options = parser.parse_args()
    {"new": new, "read": read}[options.step](options)


if __name__ == "__main__":
    main()
