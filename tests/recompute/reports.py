#!/usr/bin/env python3
"""Computes every report once more from the events of a ledger's package, from first principles, and compares.

    reports.py PACKAGE REPORT.json...

PACKAGE is a folder that `kadode ledger export` wrote; each REPORT.json is what `kadode report NAME --format json` printed.
Reads nothing else, and shares nothing with the program: no tables, no code, only the meaning of reports as it is documented.
Ends with 1 and a line for each difference: report, moment, row, column, what the program says, and what was found here.
"""

import base64
import hashlib
import json
import sys
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

SMALL = 5
SECOND = 1_000_000  # in microseconds, as all times here
DAY = 24 * 60 * 60

# The manual's numbers of the steps.
STEPS = {
    "sign_in": 2, "birth_date": 3, "terms": 4, "email": 5, "email_link": 6, "email_update": 7, "otp_method": 8, "password": 9,
    "first_login_completed": 10, "log_out": 11, "sign_in_again": 13, "otp": 14, "completed": 15,
}


# Times and numbers


def micros(text):
    """Microseconds since 1970 of an RFC 3339 time in UTC, with any number of decimals."""
    days = date(int(text[0:4]), int(text[5:7]), int(text[8:10])).toordinal() - date(1970, 1, 1).toordinal()
    seconds = ((days * 24 + int(text[11:13])) * 60 + int(text[14:16])) * 60 + int(text[17:19])
    fraction = text[20:-1] if text[19] == "." else ""
    return seconds * SECOND + int((fraction + "000000")[:6])


def tokyo_day(moment):
    """The day of Tokyo's calendar, nine hours before UTC, as a number of days."""
    return (moment // SECOND + 9 * 60 * 60) // DAY


def day_text(day):
    return date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()


def span(since, until):
    """Whole seconds, to two significant digits, rounded up; none of a negative time."""
    seconds = (until - since) // SECOND if until >= since else 0
    digits = len(str(seconds))
    unit = 10 ** max(digits - 2, 0)
    return -(-seconds // unit) * unit


def percentile(spans, percent):
    """The smallest that at least so many of a hundred do not exceed (nearest rank)."""
    if not spans:
        return None
    rank = max(-(-len(spans) * percent // 100), 1)
    return sorted(spans)[rank - 1]


def tenths(part, whole):
    """part / whole to one decimal, halves up."""
    return None if whole == 0 else Decimal((part * 20 + whole) // (whole * 2)) / 10


def percent(part, whole):
    return tenths(part * 100, whole)


def days_of(seconds):
    return None if seconds is None else tenths(seconds, DAY)


# The log


def events_until(package, moment):
    """The events that were recorded by a moment, each with its line: time never runs back along the log."""
    with open(Path(package) / "events.jsonl", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            event = json.loads(line)
            if event["metadata"]["recorded_at"] > moment:
                return
            yield line.rstrip("\n"), event


def root_of(hashes):
    """The root of an RFC 6962 tree over hashes of leaves."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    while len(hashes) > 1:
        # Whoever has no neighbour goes up alone.
        pairs = range(0, len(hashes) - 1, 2)
        above = [hashlib.sha256(b"\x01" + hashes[at] + hashes[at + 1]).digest() for at in pairs]
        hashes = above + hashes[len(above) * 2:]
    return hashes[0]


class Log:
    """What the log told by a moment."""

    def __init__(self, package, moment):
        self.as_of = micros(moment)
        self.today = tokyo_day(self.as_of)
        self.size = 0
        self.policy = ""
        self.types = defaultdict(int)
        self.of_members = set()
        self.members = {}
        self.mails = []
        self.refused = []
        self.staff = []
        self.views = []
        self.interventions = []
        proposed = {}
        leaves = []
        for line, event in events_until(package, moment):
            leaves.append(hashlib.sha256(b"\x00" + line.encode()).digest())
            self.size += 1
            self.types[event["type"]] += 1
            kind, stream = event["stream"].split("-", 1)
            if kind in ("onboarding", "mail", "attempts", "anomaly"):
                self.of_members.add(event["type"])
            at = micros(event["metadata"]["recorded_at"])
            payload = event["payload"]
            if kind == "onboarding":
                if event["type"] == "MemberEnrolled":
                    self.members[stream] = Member(at, payload)
                else:
                    # What an event tells beside its type: why, or until when.
                    told = payload.get("why") or payload.get("expires_at", "")
                    if event["type"] == "Intervened" and payload.get("at") or event["type"] == "InterventionProposed":
                        told = payload["intervention"]
                    self.members[stream].events.append((at, event["type"], told))
                if event["type"] in ("Intervened", "InterventionProposed"):
                    what = (payload["intervention"], payload["grounds"]["reason"])
                    proposed[payload.get("proposal")] = what
                    self.interventions.append((at, *what, event["type"]))
                if event["type"] in ("InterventionApproved", "InterventionDeclined"):
                    self.interventions.append((at, *proposed.pop(payload["proposal"]), event["type"]))
            elif kind == "mail":
                asked = self.members[payload["member"]].asked_for(payload["kind"])
                self.mails.append((at, event["type"], payload, asked))
            elif kind == "attempts":
                self.refused.append((at, payload["kind"], payload["count"]))
            elif kind == "staff":
                self.staff.append((at, stream, event["type"], payload.get("why", "")))
            elif kind == "rosters":
                if "staff" in payload:
                    self.staff.append((at, payload["staff"], event["type"], ""))
            elif kind == "audit":
                self.views.append((at, payload))
            elif event["type"] == "DataExported":
                self.views.append((at, {"viewer": "operator", "view": payload["what"], "purpose": "command_line"}))
            elif kind == "policy":
                self.policy = "{name}@{sha256}".format(**payload["policy"])
        self.root = base64.b64encode(root_of(leaves)).decode()
        for member in self.members.values():
            member.look_back()


class Member:
    """One member: the enrolment, and all that happened since."""

    def __init__(self, at, enrolment):
        self.enrolled_at = at
        self.cohort = enrolment["cohort"]
        self.joined = enrolment["joined_month"] or ""
        self.import_id = enrolment["import"]
        self.has_terms = enrolment["terms"] is not None
        self.valid_from = micros(enrolment["valid_from"])
        self.expires_at = micros(enrolment["expires_at"])
        self.events = []

    def asked_for(self, kind):
        """When a mail of a kind was last asked for until now."""
        asking = {
            "email_link": ("EmailRegistered", "EmailLinkReissued"),
            "otp": ("OtpIssued", "OtpReissued"),
            "email_change_link": ("EmailChangeRequested",),
            "email_change_notice": ("EmailChangeConfirmed",),
            "password_reset_link": ("PasswordResetRequested",),
            "password_reset_notice": ("PasswordResetConfirmed", "PasswordResetCancelled"),
            "password_change_notice": ("PasswordReplaced",),
            "account_set_up": ("PasswordChanged",),
            "reminder": ("MemberReminded",),
            "support_acted": (
                *("AccountFrozen", "AccountReleased", "CredentialsReissued", "EmailCleared", "LoggedOut staff"),
                *("Intervened lift_wait", "Intervened record_proofing", "InterventionProposed erase", "InterventionApproved"),
            ),
        }[kind]
        for at, name, told in reversed(self.events):
            if name in asking or f"{name} {told}" in asking:
                return at
        return None

    def look_back(self):
        """Goes through the history, and notes where the member was, since when, and what came of it."""
        self.step = "sign_in"
        self.since = self.enrolled_at
        self.entered = ["sign_in"]
        self.done = {}  # step: when it was first done
        self.took = {}  # step: how long that took since the member last came to it
        self.failed = []  # (when, at which step, type, why)
        self.used = defaultdict(list)  # kind of mail: how long after it was last asked for
        self.asked = defaultdict(lambda: [0, 0])  # kind of mail: asked for, and asked for again
        self.disowned = defaultdict(int)  # kind of mail: whose reader knew of nothing
        self.frozen = self.left = self.erased = False
        self.freezes = []  # (when, type)
        facts = dict.fromkeys(["signed_in", "birth_date", "terms", "address", "method", "password", "logged_out", "again", "completed"])
        own_password = False
        open_mail = {}
        for at, name, why in self.events:
            step = {
                "CredentialsAccepted": "sign_in_again" if own_password else "sign_in",
                "BirthDateConfirmed": "birth_date",
                "TermsAccepted": "terms",
                "EmailRegistered": "email",
                "EmailLinkFollowed": "email_link",
                "EmailVerified": "email_update",
                "OtpMethodChosen": "otp_method",
                "PasswordChanged": "password",
                "FirstLoginCompleted": "first_login_completed",
                "LoggedOut": "log_out" if own_password else None,
                "PasswordReset": "log_out",
                "OtpLoginSucceeded": "otp",
                "OnboardingCompleted": "completed",
            }.get(name)
            if step and step not in self.done:
                self.done[step] = at
                if step == self.step:
                    self.took[step] = span(self.since, at)
            if name in ("CredentialsRejected", "BirthDateRejected", "OtpRejected", "PasswordResetRejected"):
                self.failed.append((at, self.step, name, why))
            kinds = {"EmailChange": "email_change_link", "Email": "email_link", "PasswordReset": "password_reset_link"}
            kind = next((kind for begins, kind in kinds.items() if name.startswith(begins)), "otp")
            if name in ("EmailRegistered", "EmailLinkReissued", "EmailChangeRequested", "PasswordResetRequested", "OtpIssued", "OtpReissued"):
                self.asked[kind][name.endswith("Reissued")] += 1
                open_mail[kind] = at
            if name in ("EmailLinkFollowed", "EmailChangeLinkFollowed", "PasswordResetConfirmed", "OtpLoginSucceeded", "SignInConfirmed"):
                self.used[kind].append(span(open_mail.pop(kind), at))
            self.disowned[kind] += name in ("EmailDisowned", "EmailChangeDisowned")
            if name in ("NotMeReported", "AccountFrozen"):
                self.frozen = True
                self.freezes.append((at, name))
            self.erased |= name == "PersonalDataErased"
            if name in ("MemberLeft", "MemberReturned"):
                self.left = name == "MemberLeft"
            if name == "AccountReleased":
                self.frozen = False
            if name == "CredentialsReissued":
                self.expires_at = micros(why)
            facts.update({
                "CredentialsAccepted": {"again": True} if own_password else {"signed_in": True},
                "BirthDateConfirmed": {"birth_date": True},
                "TermsAccepted": {"terms": True},
                "EmailRegistered": {"address": "entered"},
                "EmailLinkFollowed": {"address": "followed"},
                "EmailDisowned": {"address": None},
                "EmailVerified": {"address": "verified"},
                "OtpMethodChosen": {"method": True},
                "PasswordChanged": {"password": True},
                "LoggedOut": {"logged_out": own_password},
                "PasswordReset": {"logged_out": True},
                "OnboardingCompleted": {"completed": True},
                "EmailCleared": {"address": None, "method": None},
                "CredentialsReissued": dict.fromkeys(facts),
            }.get(name, {}))
            own_password = bool(facts["password"])
            due = self.due(facts)
            # Another address begins the wait for its link anew, and another letter the wait for the first sign-in.
            if due != self.step or name in ("EmailRegistered", "CredentialsReissued"):
                self.step, self.since = due, at
                if due not in self.entered:
                    self.entered.append(due)
        self.own_password = own_password

    def due(self, facts):
        """The step that is due, whatever became of the session."""
        if not facts["signed_in"]:
            return "sign_in"
        if not facts["birth_date"]:
            return "birth_date"
        if self.has_terms and not facts["terms"]:
            return "terms"
        if facts["address"] != "verified":
            return {None: "email", "entered": "email_link", "followed": "email_update"}[facts["address"]]
        if not facts["method"]:
            return "otp_method"
        if not facts["password"]:
            return "password"
        if not facts["logged_out"]:
            return "log_out"
        if not facts["again"]:
            return "sign_in_again"
        return "completed" if facts["completed"] else "otp"

    def state(self):
        """Where the member stands, but for whether the initial password has expired."""
        if self.erased:
            return "erased"
        if self.left:
            return "left"
        if self.frozen:
            return "frozen"
        if self.step == "completed":
            return "completed"
        return "in_progress" if "sign_in" in self.done else "not_started"

    def open_until(self):
        """When the initial password ends; none, where that no longer matters."""
        waits = self.state() in ("in_progress", "not_started") and not self.own_password
        return self.expires_at if waits else None

    def whole_way(self):
        """From either beginning to the end, for who has come there."""
        end = self.done.get("completed")
        if end is None:
            return {}
        return {"first_sign_in": span(self.done["sign_in"], end), "valid_from": span(self.valid_from, end)}


# The shield


def groups_told(groups, members, asked):
    """The groups as they are told, by name: small ones together, in the end, with the next smallest if they are few even so.

    `groups` has lists by name; `members` says how many members such a list is about."""
    told = [(name, groups[name]) for name in sorted(groups)]
    if asked["groups_from"] is None:
        return told
    few = [(name, group) for name, group in told if 0 < members(group) < SMALL]
    told = [(name, group) for name, group in told if not 0 < members(group) < SMALL]
    together = [one for _, group in few for one in group]
    if 0 < members(together) < SMALL:
        others = [(name, group) for name, group in told if members(group) > 0]
        if others:
            least = min(others, key=lambda it: members(it[1]))
            told.remove(least)
            together += least[1]
    if members(together) > 0:
        told.append(("small_groups", together))
    return told


# What the program does not tell to those who may not see persons.
HIDDEN = "hidden"

# Of these reports, what that is is found here too; of the others, the program's own tests show it.
FOUND_HIDDEN = ("attempts", "waits", "mail", "interventions", "events")


def told(number, asked):
    """A number of what members did: so few are of as few members at most."""
    return HIDDEN if hides(asked, number) else number


def hides(asked, *numbers):
    """Whether a number of these is of few members."""
    return asked["groups_from"] is not None and any(0 < number < SMALL for number in numbers)


def of_few(spans, told_one, asked):
    """Whether fewer than five lie at or beyond one of them, on either side."""
    beyond = min(sum(it <= told_one for it in spans), sum(it >= told_one for it in spans))
    return asked["groups_from"] is not None and beyond < SMALL


def grouped(things, key):
    groups = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups


def counted(things):
    counts = defaultdict(int)
    for thing in things:
        counts[thing] += 1
    return counts


# The reports: each answers with rows of values in the order of the columns


def completion(log, asked):
    rows = []
    members = log.members.values()
    for by, key in [("all", lambda it: ""), ("cohort", lambda it: it.cohort), ("joined_month", lambda it: it.joined)]:
        for name, group in groups_told(grouped(members, key), len, asked):
            done = [sum(step in member.done for member in group) for step in STEPS]
            took = [member.whole_way()["valid_from"] for member in group if "completed" in member.done]
            if by == "joined_month":
                took = [-(-seconds // DAY) * DAY for seconds in took]
            rows.append([by, name, len(group), *done, percent(done[-1], len(group)), days_of(percentile(took, 50))])
    return rows


def completion_by_day(log, asked):
    imported = counted(tokyo_day(member.enrolled_at) for member in log.members.values())
    completed = counted(tokyo_day(it.done["completed"]) for it in log.members.values() if "completed" in it.done)
    rows, told_until, first, news = [], [0, 0], None, [0, 0]
    for day in sorted({*imported, *completed}):
        first = day if first is None else first
        news = [news[0] + imported[day], news[1] + completed[day]]
        # Days of few members go together with the next.
        if hides(asked, *news):
            continue
        told_until = [told_until[0] + news[0], told_until[1] + news[1]]
        rows.append([day_text(first), day_text(day), *news, *told_until, percent(told_until[1], told_until[0])])
        first, news = None, [0, 0]
    if first is not None:
        rows.append(["small_groups", None, *[HIDDEN] * 5])
    return rows


def funnel(log, asked):
    rows = []
    for step, number in STEPS.items():
        if step in ("first_login_completed", "completed"):
            continue
        entered = sum(step in member.entered for member in log.members.values())
        if entered == 0:
            continue
        done = sum(step in member.done for member in log.members.values())
        waiting = sum(member.step == step for member in log.members.values() if member.state() in ("in_progress", "not_started"))
        took = [member.took[step] for member in log.members.values() if step in member.took]
        failures = counted(name for member in log.members.values() for _, at_step, name, _ in member.failed if at_step == step)
        most = min(failures, key=lambda name: (-failures[name], name)) if failures else None
        lost = percent(entered - done, entered)
        times = [percentile(took, it) for it in (50, 95)]
        rows.append([
            number, step, entered, done, waiting, lost, *times, sum(failures.values()), most,
        ])
    return rows


def ways(log, since):
    """The time of the whole way, with the cohort, of all who went it."""
    return [(member.cohort, member.whole_way()[since]) for member in log.members.values() if "completed" in member.done]


def time_to_complete(log, asked):
    rows = []
    for since in ("first_sign_in", "valid_from"):
        all_ways = ways(log, since)
        by_all = {"": all_ways} if all_ways else {}
        for groups in (by_all, grouped(all_ways, lambda it: it[0])):
            for name, group in groups_told(groups, len, asked):
                took = [seconds for _, seconds in group]
                longest = max(took)
                rows.append([since, name, len(took), *[percentile(took, it) for it in (10, 50, 75, 90, 95)], longest])
    return rows


def time_histogram(log, asked):
    minute, hour = 60, 60 * 60
    ends = [5 * minute, 10 * minute, 20 * minute, 30 * minute, hour, 3 * hour, *[it * DAY for it in (1, 3, 7, 14, 30, 90)], None]
    rows = []
    for since in ("first_sign_in", "valid_from"):
        took = [seconds for _, seconds in ways(log, since)]
        least = -1
        for end in ends:
            within = [seconds for seconds in took if seconds > least and (end is None or seconds <= end)]
            rows.append([since, end, len(within)])
            least = end
    return rows


def stuck(log, asked):
    waiting = [member for member in log.members.values() if member.state() in ("in_progress", "not_started")]
    rows = []
    for step, number in STEPS.items():
        at_step = [member for member in waiting if member.step == step]
        for name, group in groups_told(grouped(at_step, lambda it: it.cohort), len, asked):
            days = [log.today - tokyo_day(member.since) for member in group]
            late = sum(it > asked["days"] for it in days)
            longest = max(days)
            rows.append([number, step, name, len(group), late, longest])
    return rows


def deadlines(log, asked):
    open_ends = grouped((it for it in log.members.values() if it.open_until() is not None), Member.open_until)
    rows = []
    for end in sorted(open_ends):
        for name, group in groups_told(grouped(open_ends[end], lambda it: it.cohort), len, asked):
            states = counted(member.state() for member in group)
            rows.append([
                moment_text(end), name, states["not_started"], states["in_progress"],
                tokyo_day(end) - log.today, "yes" if end <= log.as_of else "no",
            ])
    return rows


def moment_text(moment):
    seconds, rest = divmod(moment, SECOND)
    day, second = divmod(seconds, DAY)
    return f"{day_text(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{rest:06}Z"


def hide_one_more(hidden, parts):
    """Where a sum is told elsewhere, none of its parts is hidden alone: the smallest of the others goes with it."""
    if len(hidden.intersection(parts)) == 1:
        hidden.update(sorted(set(parts) - hidden, key=lambda it: (parts[it], it))[:1])


def attempts(log, asked):
    tries, members = defaultdict(int), defaultdict(set)
    for member_id, member in log.members.items():
        for at, _, name, why in member.failed:
            tries[tokyo_day(at), name, why] += 1
            # Of the type as a whole, whatever was wrong.
            members[tokyo_day(at), name].add(member_id)
    for at, _, name, why in log.staff:
        if name == "StaffSignInRejected":
            tries[tokyo_day(at), name, why] += 1
    for at, why, count in log.refused:
        tries[tokyo_day(at), "Refused", why] += count
    hidden = {it for it in tries if it[1] != "StaffSignInRejected" and hides(asked, tries[it])}
    # Of each of these, another report tells the sum of all days.
    sums = ("CredentialsRejected", "BirthDateRejected", "OtpRejected", "PasswordResetRejected", "code-expired", "code-used")
    for part_of in sums:
        hide_one_more(hidden, {it: tries[it] for it in tries if part_of in it[1:]})
    rows = []
    for day, name, why in sorted(tries):
        who = members.get((day, name))
        number = HIDDEN if (day, name, why) in hidden else tries[day, name, why]
        rows.append([day_text(day), name, why, number, None if who is None else told(len(who), asked)])
    return rows


def waits(log, asked):
    times = defaultdict(int)
    for at, why, count in log.refused:
        if why in ("waiting", "too-soon", "budget-spent"):
            times[tokyo_day(at), why] += count
    for member in log.members.values():
        for at, name in member.freezes:
            times[tokyo_day(at), name] += 1
    return [[day_text(day), why, told(times[day, why], asked)] for day, why in sorted(times)]


def mail(log, asked):
    mails, took = defaultdict(int), defaultdict(list)
    for at, name, payload, asked_at in log.mails:
        kind, domain = payload["kind"], payload.get("domain_class", "")
        if name == "MailAccepted":
            became = ("accepted", str(payload["smtp_code"]))
            if asked_at is not None:
                took[kind, domain].append(span(asked_at, at))
        elif name == "MailFailed":
            code = payload["smtp_code"]
            became = ("failed", "unreachable" if code is None else str(code))
        else:
            became = ("skipped", payload["why"])
        mails[kind, domain, *became] += 1
    hidden = {it for it in mails if hides(asked, mails[it])}
    for of_kind in {it[0] for it in mails}:
        hide_one_more(hidden, {it: mails[it] for it in mails if it[0] == of_kind})
    rows = []
    for kind, domain, outcome, code in sorted(mails):
        times = took[kind, domain] if outcome == "accepted" else []
        ends = [percentile(times, it) for it in (50, 95)]
        ends = [HIDDEN if end is not None and of_few(times, end, asked) else end for end in ends]
        became = (kind, domain, outcome, code)
        rows.append([*became, HIDDEN if became in hidden else mails[became], *ends])
    return rows


def codes(log, asked):
    rows = []
    for kind in ("email_change_link", "email_link", "otp", "password_reset_link"):
        issued = sum(member.asked[kind][0] for member in log.members.values() if kind in member.asked)
        reissued = sum(member.asked[kind][1] for member in log.members.values() if kind in member.asked)
        if issued == 0:
            continue
        times = [seconds for member in log.members.values() for seconds in member.used[kind]]
        wrong = log.types["OtpRejected"] if kind == "otp" else 0
        disowned = sum(member.disowned[kind] for member in log.members.values())
        sent = issued + reissued
        late, again = (sum(count for _, why, count in log.refused if why == it) for it in ("code-expired", "code-used"))
        rows.append([
            kind, issued, reissued, len(times), sent - len(times), wrong, disowned, percent(len(times), sent),
            percentile(times, 50), percentile(times, 95), *([late, again] if kind == "otp" else [None, None]),
        ])
    return rows


def staff(log, asked):
    times = counted((tokyo_day(at), account, name) for at, account, name, _ in log.staff)
    return [[day_text(day), account, name, times[day, account, name]] for day, account, name in sorted(times)]


def interventions(log, asked):
    times = counted((tokyo_day(at), *what) for at, *what in log.interventions)
    return [[day_text(key[0]), *key[1:], told(times[key], asked)] for key in sorted(times)]


def access(log, asked):
    def how(look):
        return look["purpose"] or ("token" if look["token"] else "session")

    times = counted((tokyo_day(at), look["viewer"], look["view"], how(look)) for at, look in log.views)
    return [[day_text(key[0]), *key[1:], times[key]] for key in sorted(times)]


def deviations(log, asked):
    rules = {
        "D-1": "NIST SP 800-63B-4 3.1.3.1; OWASP ASVS 5.0 6.3.6", "D-2": "OWASP ASVS 5.0 6.4.1", "D-3": "OWASP ASVS 5.0 14.2.1",
        "D-4": "ISO 27001:2022 A.8.15", "D-5": "NIST SP 800-63B-4 2.2.2", "D-6": "OWASP ASVS 5.0 6.2.2",
        "D-8": "OWASP ASVS 5.0 6.3.5", "D-9": "OWASP ASVS 5.0 6.3.7", "D-10": "NIST SP 800-63B-4 3.2.2",
        "D-11": "OWASP ASVS 5.0 6.2.12",
        "D-12": "docs/security.md, attack 2", "D-13": "docs/security.md, attack 34", "D-14": "ISO 27001:2022 A.8.17; docs/security.md, attack 40",
        "D-15": "OWASP ASVS 5.0 4.2.1; docs/security.md, attack 42", "D-16": "OWASP ASVS 5.0 6.3.7; NIST SP 800-63B-4 4.6", "D-17": "OWASP ASVS 5.0 2.3.5",
        "D-18": "OWASP ASVS 5.0 6.1.1; docs/security.md, attack 29", "D-19": "OWASP ASVS 5.0 6.6.3; docs/security.md, attack 19", "D-20": "docs/security.md, attack 42",
    }
    return [[number, number, rule] for number, rule in rules.items()]


def reconciliation(log, asked):
    def row(name, group):
        over = [it for it in group if it.open_until() is not None and it.open_until() <= log.as_of]
        states = counted(member.state() for member in group if member not in set(over))
        states["expired"] = len(over)
        numbers = [states[it] for it in ("completed", "in_progress", "not_started", "expired", "frozen", "left", "erased")]
        return [name, len(group), *numbers, len(group) - sum(numbers)]

    members = list(log.members.values())
    cohorts = groups_told(grouped(members, lambda it: it.cohort), len, asked)
    return [row("", members), *[row(name, group) for name, group in cohorts]]


def imports(log, asked):
    rows = []
    by_import = grouped(log.members.values(), lambda it: (tokyo_day(it.enrolled_at), it.import_id))
    for day, import_id in sorted(by_import):
        for cohort, group in groups_told(grouped(by_import[day, import_id], lambda it: it.cohort), len, asked):
            rows.append([day_text(day), import_id, cohort, len(group)])
    return rows


def events(log, asked):
    def outcome(name):
        if name in ("AttemptsTallied", "InterventionDeclined", "RosterDeclined", "RosterOutdated"):
            return "refused"
        return "failed" if name.endswith(("Rejected", "Failed", "Abandoned", "Noticed")) else "done"

    def number(name):
        # What is told of a member hides by more than its number: of two types, one may be what the other leaves of it.
        return HIDDEN if asked["groups_from"] is not None and name in log.of_members else log.types[name]

    rows = [[name, outcome(name), number(name)] for name in sorted(log.types) if log.types[name]]
    return [*rows, ["all", "", log.size]]


REPORTS = {
    "completion": completion, "completion-by-day": completion_by_day, "funnel": funnel, "time-to-complete": time_to_complete,
    "time-histogram": time_histogram, "stuck": stuck, "deadlines": deadlines, "attempts": attempts, "waits": waits, "mail": mail,
    "codes": codes, "staff": staff, "interventions": interventions, "access": access, "deviations": deviations, "reconciliation": reconciliation,
    "imports": imports, "events": events,
}


def differences(report, log):
    """Where a report of the program differs from what is computed here."""
    name, columns = report["report"], report["columns"]
    place = f"{name} as of {report['as_of']}" + (" (shield)" if report["asked"]["groups_from"] is not None else "")
    for field, found in [("position", log.size), ("root", log.root), ("policy", log.policy)]:
        if report[field] != found:
            yield f"{place}: {field}: the program says {report[field]!r}, the events say {found!r}"
    rows = REPORTS[name](log, report["asked"])
    if len(rows) != len(report["rows"]):
        yield f"{place}: the program has {len(report['rows'])} rows, the events give {len(rows)}"
    for number, (said, found) in enumerate(zip(report["rows"], rows), 1):
        if list(said) != columns or len(found) != len(columns):
            yield f"{place}: row {number} has other columns than {columns}"
            continue
        for column, value in zip(columns, found):
            is_shielded = report["asked"]["groups_from"] is not None
            if said[column] == HIDDEN and is_shielded and name not in FOUND_HIDDEN:
                continue
            # True is no 1, and no text is a number.
            if type(said[column]) is not type(value) or said[column] != value:
                yield f"{place}: row {number} {found[:3]}, column {column}: the program says {said[column]!r}, the events say {value!r}"


def main(package, files):
    by_moment = defaultdict(list)
    for file in files:
        report = json.loads(Path(file).read_text(encoding="utf-8"), parse_float=Decimal)
        by_moment[report["as_of"]].append(report)
    wrong = rows = 0
    for moment, reports in sorted(by_moment.items()):
        log = Log(package, moment)
        for report in reports:
            rows += len(report["rows"])
            for difference in differences(report, log):
                wrong += 1
                print(difference)
    print(f"{len(files)} reports with {rows} rows, {wrong} differences")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
