"""Makes accounts of staff for a society that is served, and signs them in with the code that an authenticator shows."""

import base64
import hashlib
import hmac
import re
import struct
import time
from urllib.parse import parse_qs, urlsplit

import requests

from members import PASSWORD, Society


class Clerk:
    """One of the staff, signed in, with a browser of their own."""

    def __init__(self, society: Society, role: str):
        self.society = society
        self.browser = requests.Session()
        account = society.run("staff", "add", role, "--role", role)
        self.fill_in(
            "/staff/sign-in", name=role, password=account["password"], code=code_of(account["totp"])
        )
        self.fill_in("/staff/password", new_password=PASSWORD)

    def fill_in(self, path: str, **fields: str):
        """Sends the form of a page."""
        url = f"{self.society.url}{path}"
        token = re.search(r'name="form_token" value="([^"]+)"', self.browser.get(url).text)[1]
        answer = self.browser.post(url, data={"form_token": token, **fields}, allow_redirects=False)
        if answer.status_code != 303:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text}")

    def ask(self, path: str, **body):
        """Sends something to the API, which has to be done."""
        answer = self.browser.post(f"{self.society.url}/api/v1{path}", **body)
        if not answer.ok:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text}")
        return answer.json()


def code_of(address: str):
    """What an authenticator shows now (RFC 6238)."""
    secret = base64.b32decode(parse_qs(urlsplit(address).query)["secret"][0])
    digest = hmac.new(secret, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
