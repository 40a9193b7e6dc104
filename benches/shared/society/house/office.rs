//! What is done for the society as a whole: rosters that are brought, what is noticed of members, keys that change, what is carried out, and an
//! account of staff's that ends.

use std::collections::BTreeMap;

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};
use kadode::domain::anomalies::{Anomaly, AnomalyEvent, Resemblance};
use kadode::domain::custody::{Command as Keeping, Custody, Exported};
use kadode::domain::ids::{ImportId, MemberId, StaffId, TokenId};
use kadode::domain::onboarding::{Grounds, Reason};
use kadode::domain::rosters::{Command, Content, Issued, Proposed, Rosters};
use kadode::domain::staff::{Command as Staffing, Role, Scope};
use kadode::domain::values::KeyId;

use super::super::{DAY, END, Fault, HOUR, IMPORTS, START, TO_COMMIT, id};
use super::{Account, House, Stream};

/// A command on rosters with its name, and who of the staff gives it; none, where the program does.
type Act = (&'static str, Command, Option<StaffId>);

/// What becomes of a plan.
#[derive(Clone, Copy)]
enum Became {
    Applied,
    Abandoned,
    Outdated,
    Declined,
}

/// The plans that staff bring when all have been taken in: on which day after the start, and what becomes of them.
const PLANS: [(i32, Became); 4] = [
    (100, Became::Applied),
    (103, Became::Declined),
    (106, Became::Outdated),
    (109, Became::Abandoned),
];

impl House {
    /// All that the command line does with an account, in the evening of the last day; in the end it is disabled.
    pub(super) fn farewell(&mut self, leaver: &mut Account) -> Result<(), Fault> {
        let token = TokenId(self.fresh());
        let mut at = END - HOUR;
        let issued = Staffing::IssueToken {
            token,
            scopes: vec![Scope::AuditRead],
            expires_at: at + DAY,
        };
        let initial = self.initial(at);
        let totp = self.totp();
        let role = Role::Auditor;
        for (name, command) in [
            ("IssueToken", issued),
            ("RevokeToken", Staffing::RevokeToken { token }),
            ("ResetStaffPassword", Staffing::ResetPassword { initial }),
            ("ResetStaffTotp", Staffing::ResetTotp { totp }),
            ("ChangeStaffRole", Staffing::ChangeRole { role }),
            ("DisableStaff", Staffing::Disable),
        ] {
            let metadata = self.metadata("system", "operator", name);
            leaver.gives(at, command, &metadata)?;
            at += SignedDuration::from_mins(5);
        }
        Ok(())
    }

    /// The imports, which the command line brings, and the plans, which the first of these staff brings and the second decides on.
    pub(super) fn rosters(&mut self, members: u32, staff: [StaffId; 2]) -> Result<(), Fault> {
        let mut rosters = Rosters::default();
        let mut stream = Stream::new("rosters", "society".to_owned());
        for (nth, brought) in IMPORTS.iter().enumerate() {
            let at = START + brought.at;
            let import = ImportId(id(self.seed, u32::MAX, nth as u64));
            let begun = Command::BeginAlone {
                import,
                user: "operator".to_owned(),
                content: content(members * brought.percent / 100, at),
            };
            let finished = Command::Finish { import };
            for (at, act) in [
                (at - HOUR, ("BeginRoster", begun, None)),
                (at + HOUR, ("FinishRoster", finished, None)),
            ] {
                self.gives(&mut rosters, &mut stream, at, act)?;
            }
        }
        for (days, became) in PLANS {
            let at = START + DAY * days;
            let import = ImportId(self.fresh());
            for (hours, act) in (0..).zip(plan(import, at, became, staff)?) {
                self.gives(&mut rosters, &mut stream, at + HOUR * hours, act)?;
            }
        }
        self.streams.push(stream);
        Ok(())
    }

    fn gives(
        &mut self,
        rosters: &mut Rosters,
        stream: &mut Stream,
        at: Timestamp,
        (name, command, giver): Act,
    ) -> Result<(), Fault> {
        let metadata = match giver {
            Some(staff) => self.metadata("staff", &staff.to_string(), name),
            None => self.metadata("system", "import", name),
        };
        for event in rosters.decide(&Issued { at, command })? {
            rosters.apply(event.clone());
            stream.tell(at + TO_COMMIT, &event, metadata.clone())?;
        }
        Ok(())
    }

    /// Many members in one browser, and at one domain; and again when as many have come. They are of the first import.
    pub(super) fn anomalies(&mut self, there: u32) -> Result<(), Fault> {
        for why in [Resemblance::OneBrowser, Resemblance::OneDomain] {
            let mut anomaly = Anomaly::default();
            let mut stream = Stream::new("anomaly", self.fresh().simple().to_string());
            for (days, many) in [(9, 6), (20, 12)] {
                let members = (0..many.min(there)).map(|it| MemberId(id(self.seed, it, 0)));
                let event = AnomalyEvent::AnomalyNoticed {
                    why,
                    members: members.collect(),
                };
                if anomaly.yields(std::slice::from_ref(&event)) {
                    anomaly.apply(event.clone());
                    let metadata = self.metadata("system", "api", "NoticeAnomaly");
                    stream.tell(START + DAY * days, &event, metadata)?;
                }
            }
            self.streams.push(stream);
        }
        Ok(())
    }

    /// Another master key, a restore, the end of old traces, and each thing that the command line carries out.
    pub(super) fn custody(&mut self) -> Result<(), Fault> {
        let [key, before] = ["2027", "2026"].map(|name| KeyId(name.to_owned()));
        let added = Keeping::AddMasterKey { key: key.clone() };
        let changed = Keeping::ChangeMasterKey {
            key: key.clone(),
            before,
        };
        let rewrapped = Keeping::NoteRewrapped {
            key,
            rewrapped: 9,
            data_keys: 12,
        };
        let restored = Keeping::NoteRestored {
            kept: 100,
            lost: Vec::new(),
        };
        let (until, keys) = (2024, 3);
        let destroyed = Keeping::DestroyTraces { until, keys };
        let kept = [
            ("AddMasterKey", added),
            ("ChangeMasterKey", changed),
            ("NoteRewrapped", rewrapped),
            ("NoteRestored", restored),
            ("DestroyTraces", destroyed),
        ];
        let rows = 20;
        let exported =
            Exported::ALL.map(|what| ("NoteExported", Keeping::NoteExported { what, rows }));
        let mut custody = Custody::default();
        let mut stream = Stream::new("custody", "society".to_owned());
        // Two a day, so that some days tell of more than one.
        for (half_days, (name, command)) in (2..).zip(kept.into_iter().chain(exported)) {
            let at = START + HOUR * (12 * half_days);
            let metadata = self.metadata("system", "operator", name);
            for event in custody.decide(command) {
                custody.apply(event.clone());
                stream.tell(at, &event, metadata.clone())?;
            }
        }
        self.streams.push(stream);
        Ok(())
    }
}

/// What is done with a plan that is brought at a moment.
fn plan(
    import: ImportId,
    at: Timestamp,
    became: Became,
    [by, staff]: [StaffId; 2],
) -> Result<Vec<Act>, Fault> {
    let content = content(40, at);
    let plan = content.plan.clone();
    let proposed = Proposed {
        by,
        grounds: Grounds {
            reason: Reason::RegularUpdate,
            ticket: "HD-2".parse()?,
        },
        expires_at: at + DAY * 3,
    };
    let brought = Command::Plan {
        import,
        proposed,
        content,
    };
    let approved = Command::Approve {
        import,
        staff,
        plan: plan.clone(),
    };
    let approved = ("ApproveRoster", approved, Some(staff));
    let begun = |plan| ("BeginRoster", Command::Begin { import, plan }, None);
    let declined = Command::Decline { import, staff };
    let declined = ("DeclineRoster", declined, Some(staff));
    let finished = ("FinishRoster", Command::Finish { import }, None);
    let abandoned = ("AbandonRoster", Command::Abandon { import }, None);
    let mut acts = vec![("PlanRoster", brought, Some(by))];
    match became {
        Became::Applied => acts.extend([approved, begun(plan), finished]),
        Became::Abandoned => acts.extend([approved, begun(plan), abandoned]),
        Became::Outdated => acts.extend([approved, begun(String::new())]),
        Became::Declined => acts.push(declined),
    }
    Ok(acts)
}

/// A roster of so many new members.
fn content(rows: u32, at: Timestamp) -> Content {
    Content {
        file: "0".repeat(64),
        plan: "1".repeat(64),
        policy: String::new(),
        complete: false,
        valid_from: at,
        rows: rows.into(),
        new: rows.into(),
        changed: 0,
        unchanged: 0,
        returned: 0,
        left: 0,
        by_cohort: BTreeMap::new(),
    }
}
