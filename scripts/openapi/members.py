"""Serves a society of its own and takes members to every step, so that the API can be tried as each of them."""

import email
import email.policy
import json
import pathlib
import re
import subprocess
import time

import requests

TERMS = """
[terms]
version = "1"
text = { ja = "注意事項", en = "Notes on use" }
"""

HEADER = "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal"

PASSWORD = "sakura-tsukimi-kaede-minato"

# How far a member is taken, in the order of the first login; each is what the member would do next.
STANDINGS = [
    "birth_date",
    "terms",
    "email",
    "email_link",
    "email_update",
    "otp_method",
    "password",
    "log_out",
    "otp",
    "completed",
]

# Somebody who has arrived too, and for whom staff do what they can do.
HELPED = "helped"

MEMBERS = [*STANDINGS, HELPED]


class Society:
    """A running `kadode serve` on a folder that goes with it."""

    def __init__(self, program: pathlib.Path, policy: pathlib.Path, folder: pathlib.Path):
        self.mails = folder / "mails"
        (folder / "policy.toml").write_text(policy.read_text() + TERMS)
        rows = [f"{name},1,{n:05},1980-01-01,見本 {n}号,,2005-04-01,0" for n, name in enumerate(MEMBERS)]
        self.roster = "\n".join([HEADER, *rows]) + "\n"
        (folder / "roster.csv").write_text(self.roster)
        self.program, self.folder = program, folder
        self.settings = {
            "KADODE_DATABASE": "sqlite:kadode.sqlite",
            "KADODE_KEYS": "keys.toml",
            "KADODE_POLICY": "policy.toml",
        }
        self.run("import", "roster.csv")
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [program, "serve", "--listen", "127.0.0.1:0", "--mail", "file:mails"],
                cwd=folder,
                env=self.settings,
                stdout=log,
                stderr=log,
            )
        self.url = wait_for("its address", self.address)

    def run(self, *arguments):
        """What a subcommand answers, beside the running program."""
        command = [self.program, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.settings, check=True, capture_output=True, text=True
        )
        return json.loads(done.stdout)

    def address(self):
        if self.process.poll() is not None:
            raise SystemExit(f"kadode serve ended: {self.log.read_text()}")
        found = re.search(r"listening on ([0-9.:]+)", self.log.read_text())
        return found and f"http://{found[1]}"

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=30)

    def mailed(self, address: str, pattern: str):
        """What the newest mail to an address says."""

        def look():
            files = sorted(self.mails.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in files:
                mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                if address in mail["To"]:
                    found = re.search(pattern, mail.get_body(("plain",)).get_content())
                    if found:
                        return found[1]
            return None

        return wait_for(f"a mail to {address}", look)


class Member:
    """A member with a browser of their own."""

    def __init__(self, society: Society, standing: str):
        self.society = society
        self.name = standing
        self.address = f"{standing}@example.jp"
        self.browser = requests.Session()
        self.token = None

    def ask(self, method: str, path: str, body=None):
        answer = self.browser.request(method, f"{self.society.url}/api/v1{path}", json=body)
        if not answer.ok:
            raise SystemExit(f"{self.name}: {method} {path}: {answer.status_code} {answer.text}")
        return answer

    def id(self):
        return self.ask("GET", "/onboarding").json()["member"]

    def sign_in(self, password: str):
        self.ask("POST", "/sessions", {"user_id": self.name, "password": password})

    def follow(self):
        self.ask("POST", f"/email-confirmations/{self.token}", {})

    def go(self):
        """To the step that the member is named after, or to the end."""
        self.sign_in(f"1{MEMBERS.index(self.name):05}19800101")
        steps = {
            "birth_date": lambda: self.ask("POST", "/onboarding/birth-date", {"birth_date": "1980-01-01"}),
            "terms": lambda: self.ask("POST", "/onboarding/terms", {"version": "1"}),
            "email": self.enter_address,
            "email_link": self.follow,
            "email_update": lambda: self.ask("POST", "/onboarding/email/update"),
            "otp_method": lambda: self.ask("POST", "/onboarding/otp-method", {"method": "email"}),
            "password": lambda: self.ask("POST", "/onboarding/password", {"new_password": PASSWORD}),
            "log_out": self.come_again,
            "otp": self.enter_code,
        }
        for step, take in steps.items():
            if step == self.name:
                return
            take()

    def enter_address(self):
        self.ask("POST", "/onboarding/email", {"email": self.address})
        self.token = self.society.mailed(self.address, r"/email/([A-Za-z0-9_-]+)")

    def come_again(self):
        self.ask("DELETE", "/sessions/current")
        self.sign_in(PASSWORD)

    def enter_code(self):
        code = self.society.mailed(self.address, r"(?<!\d)(\d{6})(?!\d)")
        self.ask("POST", "/sessions/current/otp", {"code": code})


def cookies_of(browser: requests.Session):
    """All of a browser's, as it sends them: a session counts in the browser in which it began."""
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def wait_for(what: str, look):
    """The first answer that is one, within half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"waited in vain for {what}")
