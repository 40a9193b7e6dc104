"""Attacks a program that is served for it on the loopback, with wapiti and sqlmap: attack.py PROGRAM MINUTES REPORTS."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "openapi"))

from members import Member, Society, cookies_of  # noqa: E402
from staff import Clerk  # noqa: E402

TOOLS = pathlib.Path(sys.executable).parent

# Those that need no other machine: all else would ask one that answers for them, or fetch lists.
MODULES = "cookieflags,crlf,csp,csrf,exec,file,http_headers,methods,permanentxss,redirect,sql,timesql,xss"

# What wapiti says of every run, and why it is no finding.
EXPLAINED = {
    # It knows tokens by their usual names; without ours, `form_token`, each form is refused (tests/it/pages/forms.rs).
    "Lack of anti CSRF token",
    # `frame-ancestors 'none'` says so, and takes its place in all browsers of today.
    "X-Frame-Options is not set",
    # Cookies are Secure where the address is https, and this one is the loopback's (tests/it/sessions.rs).
    "Secure flag is not set in the cookie : kadode-form",
    "Secure flag is not set in the cookie : kadode-lang",
}


def run(name: str, reports: pathlib.Path, command: list, minutes: int):
    """Runs a tool to its end, or for so many minutes; what it says is kept."""
    said = reports / f"{name}.txt"
    with said.open("wb") as out:
        try:
            # Some look around first, and end what they began: as long again.
            subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, timeout=minutes * 120 + 60)
        except subprocess.TimeoutExpired:
            pass
    return said.read_text(errors="replace")


def tell(what: str, figure: str, holds: bool):
    print(f"| {what} | {figure} | none | {'holds' if holds else 'FAILS'} |", flush=True)
    return holds


def wapiti(who: str, society: Society, cookie: str, fewest: int, minutes: int, reports: pathlib.Path):
    """`fewest` pages have to be found, or it attacked nothing."""
    short = who.replace(" ", "-")
    report = reports / f"wapiti-{short}.json"
    report.unlink(missing_ok=True)
    command = [TOOLS / "wapiti", "-u", f"{society.url}/", "--scope", "domain", "-m", MODULES, "--flush-session"]
    command += ["--no-bugreport", "--store-session", reports / f"session-{short}", "--max-scan-time", str(minutes * 60)]
    # Whoever signs out is nobody.
    command += ["-x", f"{society.url}/log-out", "-x", f"{society.url}/staff/sign-out", "-f", "json", "-o", report]
    if cookie:
        command += ["-H", f"Cookie: {cookie}"]
    run(f"wapiti-{short}", reports, command, minutes)
    if not report.exists():
        return tell(f"wapiti, as {who}", "no report", False)
    told = json.loads(report.read_text())
    found = [(kind, one) for part in ("vulnerabilities", "anomalies") for kind, those in told[part].items() for one in those]
    kinds = sorted({kind for kind, one in found if one["info"] not in EXPLAINED})
    pages = told["infos"].get("crawled_pages_nbr", 0)
    return tell(f"wapiti, as {who}", f"{pages} pages, findings: {', '.join(kinds) or 'none'}", not kinds and pages >= fewest)


def sqlmap(name: str, reports: pathlib.Path, minutes: int, *target: str):
    command = [TOOLS / "sqlmap", "--batch", "--disable-coloring", "--level=3", "--risk=2", "--threads=4", "--flush-session"]
    command += [f"--output-dir={reports / 'sqlmap'}", f"--time-limit={minutes * 60}", "--timeout=10", *target]
    # Refusals are what is to be expected.
    said = run(f"sqlmap-{name.replace(' ', '-')}", reports, [*command, "--ignore-code=*"], minutes)
    found = "identified the following injection point" in said
    ended = "do not appear to be injectable" in said
    # Each try at signing in costs an argon2: then the time is over before the ways to try are.
    tried = len(re.findall(r"testing '", said))
    figure = "an injection" if found else f"no injection, {tried} ways tried" + ("" if ended else f" in {minutes} minutes")
    return tell(f"sqlmap: {name}", figure, tried > 0 and not found)


def main():
    program, minutes, reports = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]), pathlib.Path(sys.argv[3]).resolve()
    reports.mkdir(parents=True, exist_ok=True)
    # Nothing but the loopback is spoken to, whatever a proxy's setting says.
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"]:
        os.environ.pop(name, None)
    print("| what | figure | floor | verdict |\n|---|---|---|---|")
    held = []
    with tempfile.TemporaryDirectory(prefix="kadode-attacks-") as folder:
        folder = pathlib.Path(folder)
        society = Society(program, HERE.parents[1] / "policies/sample.toml", folder)
        try:
            members = {name: Member(society, name) for name in ["birth_date", "email", "completed"]}
            for member in members.values():
                member.go()
            cookie = {name: member.browser.cookies["kadode"] for name, member in members.items()}
            society.run("staff", "add", "reader", "--role", "auditor")
            token = society.run("staff", "token", "reader", "--scope", "audit:read", "--days", "1")["token"]
            api = f"{society.url}/api/v1"
            as_json = "--headers=Content-Type: application/json"
            held.append(sqlmap("the list of events", reports, minutes, "-u",
                               f"{api}/audit/events?type=CredentialsAccepted&outcome=done&actor=member&cohort=joined-to-2024-12-01&from=2026-04-10&limit=2",
                               f"--headers=Authorization: Bearer {token}"))
            held.append(sqlmap("a report", reports, minutes, "-u", f"{api}/audit/reports/stuck?as_of=2026-04-10&format=json&days=7",
                               f"--headers=Authorization: Bearer {token}"))
            held.append(sqlmap("an address", reports, minutes, "-u", f"{api}/onboarding/email", "--data", '{"email":"a@example.jp"}',
                               f"{as_json}\nCookie: kadode={cookie['email']}", "-p", "email"))
            held.append(sqlmap("signing in", reports, minutes, "-u", f"{api}/sessions", "--data", '{"user_id":"x1","password":"y"}', as_json,
                               "-p", "user_id,password"))
            held.append(sqlmap("a link", reports, minutes, "-u", f"{api}/email-confirmations/x*"))
            for who, sent, fewest in [
                ("nobody", "", 5),
                ("a member on the way", f"kadode={cookie['birth_date']}", 5),
                ("a member who has arrived", f"kadode={cookie['completed']}", 5),
                ("an administrator", cookies_of(Clerk(society, "administrator").browser), 12),
            ]:
                held.append(wapiti(who, society, sent, fewest, minutes, reports))
            log = society.log.read_text(errors="replace")
            amiss = [line for line in log.splitlines() if " ERROR " in line or "panicked" in line]
            held.append(tell("the program's own log of it all", f"{len(amiss)} errors", not amiss))
        finally:
            ended = society.stop()
    if ended != 0:
        print(f"kadode serve ended with {ended}")
    sys.exit(0 if all(held) and ended == 0 else 1)


main()
