"""Runs schemathesis against a program that is served for it, as nobody and as a member at each step: check.py PROGRAM EXAMPLES SEED REPORTS."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from members import STANDINGS, Member, Society

HERE = pathlib.Path(__file__).parent
LINK = "/api/v1/email-confirmations/{token}"
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

    def run(self, who: str, *more: str, config=HERE / "schemathesis.toml"):
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
        verdict = "holds" if failures == 0 else "FAILS"
        print(f"| OpenAPI, as {who} | {generated} requests, {failures} answers unlike the document | 0 | {verdict} |", flush=True)
        if done.returncode != 0:
            self.clean = False
            print(done.stdout)


def with_link(folder: pathlib.Path, members: list[Member]):
    """The settings of whoever reads a mail whose link was not followed yet."""
    (token,) = [member.token for member in members if member.name == "email_link"]
    config = folder / "schemathesis.toml"
    link = f"""
[[operations]]
include-path = "{LINK}"
parameters = {{ "path.token" = "{token}" }}
"""
    config.write_text((HERE / "schemathesis.toml").read_text() + link)
    return config


def main():
    program, examples, seed, reports = sys.argv[1:]
    reports = pathlib.Path(reports).resolve()
    reports.mkdir(parents=True, exist_ok=True)
    print(f"Seed {seed}, {examples} examples an operation, reports in {reports}.")
    print("| what | figure | floor | verdict |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="kadode-openapi-") as folder:
        policy = HERE.parents[1] / "policies/sample.toml"
        society = Society(pathlib.Path(program).resolve(), policy, pathlib.Path(folder))
        try:
            checker = Checker(society.url, examples, seed, reports)
            # Before all else: many wrong sign-ins from one network slow down the right ones too.
            members = [Member(society, standing) for standing in STANDINGS]
            for member in members:
                member.go()
            checker.run("nobody")
            link = with_link(pathlib.Path(folder), members)
            checker.run("reader", f"--include-path={LINK}", config=link)
            for member in members:
                # All of them: the session in the browser in which it began.
                cookies = "; ".join(f"{name}={value}" for name, value in member.browser.cookies.items())
                checker.run(
                    member.name,
                    "-H",
                    f"Cookie: {cookies}",
                    # Other cookies and none are tried by the check `ignored_auth`, and as nobody.
                    "--generation-with-security-parameters=false",
                    # Whoever signs out is nobody, for whom that was tried.
                    "--exclude-operation-id=sign_out",
                )
        finally:
            ended = society.stop()
    if ended != 0:
        print(f"kadode serve ended with {ended}")
    sys.exit(0 if checker.clean and ended == 0 else 1)


main()
