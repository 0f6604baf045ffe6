#!/usr/bin/env python3
"""Signs in with Authlib, a public OpenID Connect client from PyPI, unmodified: authorization code with PKCE.

The browser's part is played by a second, separate HTTP session that fills in the login and consent forms; Authlib sees
nothing of it but the address to which the browser comes back, as in real life.

    python3 -m venv /tmp/authlib && /tmp/authlib/bin/pip install authlib requests
    ./strongroom up && ./strongroom demo          # a running platform with somebody who can sign in
    /tmp/authlib/bin/python Examples/login-with-authlib.py --home .strongroom

Login, password and client come from HOME/demo.json (mode 0600); --login, --client and a password on standard input
replace them. Exit code 0 means that every check held.
"""

import argparse
import getpass
import json
import pathlib
import secrets
import sys
import time
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from authlib import __version__ as authlib_version
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

REDIRECT = "http://127.0.0.1:53682/callback"  # Registered without the port: RFC 8252 §7.3 allows any.


class Form(HTMLParser):
    """The first form of a page: where it goes, and the fields a browser would send."""

    def __init__(self, html):
        super().__init__()
        self.action, self.fields, self.inside = None, {}, False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form" and self.action is None:
            self.action, self.inside = attrs["action"], True
        elif tag == "input" and self.inside and attrs.get("type") == "hidden":
            self.fields[attrs["name"]] = attrs["value"]

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "form"


class Browser:
    """Follows redirects and submits forms until it is sent to the application."""

    def __init__(self, ca):
        self.session, self.url, self.page = requests.Session(), None, None
        self.session.verify, self.session.trust_env = ca, False

    def visit(self, url, **request):
        method = "POST" if "data" in request else "GET"
        while True:
            if url.startswith(REDIRECT):
                return url
            answer = self.session.request(method, url, allow_redirects=False, timeout=10, **request)
            if answer.is_redirect:
                url, method, request = urljoin(url, answer.headers["location"]), "GET", {}
                continue
            self.url, self.page, self.status = url, answer.text, answer.status_code
            return None

    def submit(self, **typed):
        form = Form(self.page)
        return self.visit(urljoin(self.url, form.action), data={**form.fields, **typed})


def check(what, holds):
    print(f"  {'ok  ' if holds else 'FAIL'} {what}")
    if not holds:
        sys.exit(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=pathlib.Path, default=pathlib.Path(".strongroom"))
    parser.add_argument("--login")
    parser.add_argument("--client")
    parser.add_argument("--scope", default="openid profile:read accounts:read")
    options = parser.parse_args()

    demo = options.home / "demo.json"
    known = json.loads(demo.read_text()) if demo.exists() else {}
    login = options.login or known["login"]
    client = options.client or known["client_id"]
    password = getpass.getpass() if options.login else known["password"]
    issuer = json.loads((options.home / "platform.json").read_text())["issuer"]
    ca = str(options.home / "edge-ca.pem")

    print(f"Authlib {authlib_version} signs in at {issuer}")
    server = requests.get(f"{issuer}/.well-known/openid-configuration", verify=ca, timeout=10).json()
    check("discovery names the issuer it was asked for", server["issuer"] == issuer)

    app = OAuth2Session(
        client_id=client, redirect_uri=REDIRECT, scope=options.scope,
        code_challenge_method="S256", token_endpoint_auth_method="none")
    # trust_env: a REQUESTS_CA_BUNDLE in the environment would win over `verify`.
    app.verify, app.trust_env = ca, False
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    address, state = app.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, nonce=nonce)

    browser = Browser(ca)
    check("the browser is shown the login form", browser.visit(address) is None and "password" in browser.page)
    browser.submit(login=login, password=password + "x")
    check("a wrong password is refused", browser.status == 401)
    back = browser.submit(login=login, password=password)
    if back is None:
        check("the person is asked for consent", browser.status == 200 and "asks for access" in browser.page)
        back = browser.submit(decision="allow")
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    check("the answer carries code and state", "code" in answer and answer.get("state") == state)
    check("the answer names its issuer (RFC 9207)", answer.get("iss") == issuer)

    token = app.fetch_token(
        server["token_endpoint"], authorization_response=back, code_verifier=verifier)
    check("Authlib got an access token for it", token["token_type"] == "Bearer")

    keys = KeySet.import_key_set(requests.get(server["jwks_uri"], verify=ca, timeout=10).json())
    identity = jwt.decode(token["id_token"], keys, algorithms=["ES256", "EdDSA"])
    claims = CodeIDToken(
        identity.claims, identity.header, {"iss": {"value": issuer}, "aud": {"value": client}},
        {"nonce": nonce, "client_id": client, "access_token": token["access_token"]})
    claims.validate()
    check("Authlib accepts the ID token: signature, iss, aud, exp, nonce, at_hash", True)

    userinfo = app.get(server["userinfo_endpoint"], timeout=10)
    check("userinfo names the same person", userinfo.json().get("sub") == claims["sub"])
    if "profile:read" in token["scope"].split():
        me = app.get(f"{issuer}/v1/me", timeout=10)
        check("the person's own record comes back", me.json().get("id") == claims["sub"])

    if "refresh_token" in token:
        first = token["refresh_token"]
        token = app.refresh_token(server["token_endpoint"], refresh_token=first)
        check("Authlib refreshes, and gets another refresh token", token["refresh_token"] != first)

    replay = {"grant_type": "authorization_code", "client_id": client, "code": answer["code"],
              "redirect_uri": REDIRECT, "code_verifier": verifier}
    again = app.post(server["token_endpoint"], withhold_token=True, timeout=10, data=replay)
    check("the code does not work twice", again.json().get("error") == "invalid_grant")
    began, status = time.monotonic(), 200
    while status == 200 and time.monotonic() - began < 5:
        status = app.get(server["userinfo_endpoint"], timeout=10).status_code
    check(f"and what it gave is dead at the door {time.monotonic() - began:.2f} s later", status == 401)

    revoked = app.revoke_token(
        server["revocation_endpoint"], token=token["access_token"], token_type_hint="access_token")
    check("the token is given back (RFC 7009)", revoked.status_code == 200)
    print(f"signed in as {claims['sub']} with scope '{token['scope']}'")


if __name__ == "__main__":
    main()
