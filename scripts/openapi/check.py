"""Runs schemathesis against a program that is served for it, as nobody, as a member at each step and as staff: check.py PROGRAM EXAMPLES SEED REPORTS."""

import json
import pathlib
import subprocess
import sys
import tempfile

import requests

from members import HELPED, STANDINGS, Member, Society, cookies_of
from staff import Clerk

HERE = pathlib.Path(__file__).parent
CONFIG = HERE / "schemathesis.toml"
LINK = "/api/v1/email-confirmations/{token}"
# What staff open, and how the document calls it.
STAFF = [f"--include-tag={tag}" for tag in ("audit", "support", "rosters")]
# It does not end by itself, and who asks it has to hang up; as nobody, it is tried.
STREAM = "--exclude-operation-id=audit_stream"
CHECKER = pathlib.Path(sys.executable).parent / "schemathesis"


class Checker:
    """Runs of the checker with the same settings, each leaving a report."""

    def __init__(self, url: str, examples: str, seed: str, reports: pathlib.Path):
        self.reports = reports
        self.clean = True
        self.arguments = [
            "run",
            f"{url}/api/v1/openapi.json",
            f"--max-examples={examples}",
            f"--seed={seed}",
            "--continue-on-failure",
            "--generation-database=none",
            "--no-color",
            "--report=json",
        ]

    def run_with(self, browser: requests.Session, who: str, *more: str, config=CONFIG):
        """With the cookies of a browser."""
        self.run(
            who,
            "-H",
            f"Cookie: {cookies_of(browser)}",
            # Other cookies and none are tried by the check `ignored_auth`, and as nobody.
            "--generation-with-security-parameters=false",
            *more,
            config=config,
        )

    def run(self, who: str, *more: str, config=CONFIG):
        report = self.reports / f"{who}.json"
        report.unlink(missing_ok=True)
        done = subprocess.run(
            [CHECKER, f"--config-file={config}", *self.arguments, f"--report-json-path={report}", *more],
            cwd=self.reports,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        (self.reports / f"{who}.txt").write_text(done.stdout)
        counts = json.loads(report.read_text())["test_cases"] if report.exists() else {}
        generated, failures = counts.get("generated", "?"), counts.get("unique_failures", "?")
        verdict = "holds" if failures == 0 and done.returncode == 0 else "FAILS"
        print(f"| OpenAPI, as {who} | {generated} requests, {failures} answers unlike the document | 0 | {verdict} |", flush=True)
        if done.returncode != 0:
            self.clean = False
            print(done.stdout)


def with_paths(folder: pathlib.Path, **parts: str):
    """The settings of whoever asks for what is there: these parts of paths are not made up."""
    config = folder / "schemathesis.toml"
    given = ", ".join(f'"path.{name}" = "{value}"' for name, value in parts.items())
    config.write_text(f"parameters = {{ {given} }}\n{CONFIG.read_text()}")
    return config


def waiting_for_two(clerk: Clerk, member: str):
    """Makes what two people decide on; answers with the paths' parts of it."""
    proven = {"intervention": "record_proofing", "reason": "in_person", "ticket": "HD-1"}
    clerk.ask(f"/support/members/{member}/interventions", json=proven)
    wanted = {"intervention": "reissue_credentials", "reason": "letter_lost", "ticket": "HD-1"}
    proposal = clerk.ask(f"/support/members/{member}/proposals", json=wanted)["proposal"]
    brought = clerk.ask(
        "/rosters?reason=regular_update&ticket=HD-1", data=clerk.society.roster.encode(), headers={"Content-Type": "text/csv"}
    )
    return {"member": member, "proposal": proposal, "import": brought["import"]}


def main():
    program, examples, seed, reports = sys.argv[1:]
    reports = pathlib.Path(reports).resolve()
    reports.mkdir(parents=True, exist_ok=True)
    print(f"Seed {seed}, {examples} examples an operation, reports in {reports}.")
    print("| what | figure | floor | verdict |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="kadode-openapi-") as folder:
        folder = pathlib.Path(folder)
        society = Society(pathlib.Path(program).resolve(), HERE.parents[1] / "policies/sample.toml", folder)
        try:
            checker = Checker(society.url, examples, seed, reports)
            # Before all else: many wrong sign-ins from one network slow down the right ones too.
            members = [Member(society, standing) for standing in STANDINGS]
            helped = Member(society, HELPED)
            for member in [*members, helped]:
                member.go()
            clerks = {role: Clerk(society, role) for role in ["administrator", "support", "auditor"]}
            for role, clerk in clerks.items():
                checker.run_with(clerk.browser, role, *STAFF, STREAM)
            there = with_paths(folder, **waiting_for_two(clerks["support"], helped.id()))
            checker.run_with(clerks["administrator"].browser, "helper", *STAFF, STREAM, config=there)
            checker.run("nobody")
            (token,) = [member.token for member in members if member.name == "email_link"]
            checker.run("reader", f"--include-path={LINK}", config=with_paths(folder, token=token))
            for member in members:
                # Whoever signs out is nobody, for whom that was tried.
                checker.run_with(member.browser, member.name, "--exclude-operation-id=sign_out")
        finally:
            ended = society.stop()
    if ended != 0:
        print(f"kadode serve ended with {ended}")
    sys.exit(0 if checker.clean and ended == 0 else 1)


main()
