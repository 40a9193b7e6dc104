//! A society's data without anything that runs on them, and members who take steps at random.

use std::convert::Infallible;
use std::sync::Arc;

use jiff::SignedDuration;
use kadode::ambient::Clock;
use kadode::app::{Opening, Society};
use kadode::commands::{Actor, Attribution, CommandError};
use kadode::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, MemberId, SessionId,
};
use kadode::domain::onboarding::{
    CodeCheck, Command, Issued, LogOutReason, NewCode, NewLink, Onboarding, OtpMethod,
    PasswordCheck, Step,
};
use kadode::domain::values::{KeyId, Language};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;
use uuid::Uuid;

use super::app::START;
use super::postgres::data_in;

/// The data of a society in a folder of its own.
pub(crate) struct House {
    pub(crate) society: Society,
    pub(crate) folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let society = open(&folder).await;
        society.adopt_policy().await.unwrap();
        Self { society, folder }
    }

    /// The same data, as one more program opens them.
    pub(crate) async fn open_again(&self) -> Society {
        open(&self.folder).await
    }

    /// Takes some members through `steps` random steps in all, the same for the same `seed`.
    pub(crate) async fn walk(&self, seed: u64, steps: usize) -> Vec<MemberId> {
        walk(&self.society, seed, steps).await
    }
}

/// Opens the data in `folder`, and runs nothing.
pub(crate) async fn open(folder: &TempDir) -> Society {
    let policy = include_str!("../../../policies/sample.toml");
    std::fs::write(folder.path().join("policy.toml"), policy).unwrap();
    let data = data_in(folder.path());
    let clock = Clock::standing_at(START.parse().unwrap());
    Society::open(&data, Opening::TO_FILL, clock, |_| {})
        .await
        .unwrap()
}

/// Takes eight members through `steps` random steps in all, the same for the same `seed`.
pub(crate) async fn walk(society: &Society, seed: u64, steps: usize) -> Vec<MemberId> {
    let mut random = StdRng::seed_from_u64(seed);
    let members: Vec<_> = (0..8).map(|_| MemberId(random_id(&mut random))).collect();
    for member in &members {
        give(society, *member, enrol(society)).await;
    }
    for _ in 0..steps {
        society.clock.advance(SignedDuration::from_secs(20));
        let member = members[random.random_range(0..members.len())];
        let state: Onboarding = society.commands.load(&member.to_string()).await.unwrap();
        give(society, member, step(&state, &mut random)).await;
    }
    members
}

/// Members of three cohorts and two years of joining, some of them at the end and some anywhere before it; the same for the same `seed`.
pub(crate) async fn crowd(society: &Society, seed: u64, members: usize) {
    const COHORTS: [&str; 3] = [
        "registered-before-migration",
        "joined-to-2024-12-01",
        "joined-2024-12-02-to-2026-03-25",
    ];
    let mut random = StdRng::seed_from_u64(seed);
    for n in 0..members {
        let member = MemberId(random_id(&mut random));
        let mut joins = enrol(society);
        if let Command::Enrol {
            cohort,
            joined_month,
            ..
        } = &mut joins
        {
            COHORTS[n % 3].clone_into(cohort);
            *joined_month = Some(format!("{}-{:02}", 2024 + n / 12 % 2, n % 12 + 1));
        }
        give(society, member, joins).await;
        for _ in 0..random.random_range(0..24) {
            society.clock.advance(SignedDuration::from_secs(20));
            let state: Onboarding = society.commands.load(&member.to_string()).await.unwrap();
            if state.due() == Step::Completed {
                break;
            }
            give(society, member, step(&state, &mut random)).await;
        }
    }
}

/// The enrolment of one more member.
pub(crate) fn enrol(society: &Society) -> Command {
    let now = society.clock.now();
    Command::Enrol {
        cohort: "joined-to-2024-12-01".to_owned(),
        policy: society.policy.version.clone(),
        import: ImportId(Uuid::from_u128(1)),
        joined_month: None,
        terms: None,
        valid_from: now,
        expires_at: now + SignedDuration::from_hours(24 * 30),
    }
}

/// Who gives a command: the member, where it is not for the program or somebody of the staff.
pub(crate) fn giver(member: MemberId, command: &Command) -> Actor {
    if let Command::Intervene { staff, .. }
    | Command::ProposeIntervention { staff, .. }
    | Command::ApproveIntervention { staff, .. }
    | Command::DeclineIntervention { staff, .. } = command
    {
        return Actor::Staff(*staff);
    }
    let is_the_programs = matches!(
        command,
        Command::Enrol { .. }
            | Command::Remind { .. }
            | Command::ChangeProfile { .. }
            | Command::Leave { .. }
            | Command::Return { .. }
    );
    if is_the_programs {
        Actor::System("test")
    } else {
        Actor::Member(member.to_string())
    }
}

/// Gives a command; it may be refused.
pub(crate) async fn give(society: &Society, member: MemberId, command: Command) {
    let issued = Issued {
        at: society.clock.now(),
        limits: Arc::new(society.policy.policy.limits.clone()),
        command,
    };
    let attribution = Attribution {
        actor: giver(member, &issued.command),
        ..society.attribution("Test", "test")
    };
    let outcome = society
        .commands
        .run::<Onboarding, Infallible, _, _>(member.to_string(), attribution, move |_| {
            std::future::ready(Ok(issued.clone()))
        })
        .await;
    match outcome {
        Ok(_) | Err(CommandError::Refused(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Mostly what is due, now and then something else.
#[expect(clippy::too_many_lines, reason = "one arm a step")]
fn step(state: &Onboarding, random: &mut StdRng) -> Command {
    let session = state
        .session
        .as_ref()
        .map_or(SessionId(Uuid::nil()), |it| it.id);
    let contact = state.contact.as_ref();
    let link = NewLink {
        issue: IssueId(random_id(random)),
        key: KeyId("k".to_owned()),
        language: Language::Ja,
        sent_to_address: Vec::new(),
    };
    let code = NewCode {
        challenge: ChallengeId(random_id(random)),
        key: KeyId("k".to_owned()),
        language: Language::Ja,
        sent_to_address: Vec::new(),
    };
    let against = state.challenge.as_ref().map(|it| it.id);
    let odd = random.random_range(0..4) == 0;
    if odd {
        match random.random_range(0..6) {
            0 => {
                return Command::LogOut {
                    session,
                    why: LogOutReason::Member,
                };
            }
            1 => {
                return Command::RegisterEmail {
                    session,
                    contact: ContactId(random_id(random)),
                    same_as: None,
                    link,
                };
            }
            2 => return Command::ResendEmailLink { session, link },
            3 => return Command::ResendOtp { session, code },
            4 => {
                if let Some(contact) = contact {
                    return Command::DisownEmail {
                        contact: contact.id,
                        issue: contact.links[0].issue,
                    };
                }
            }
            _ => {}
        }
    }
    match state.due() {
        _ if state.session.is_none() => Command::SignIn {
            session: SessionId(random_id(random)),
            against: state.credential_in_force(),
            check: if odd {
                PasswordCheck::Mismatch
            } else {
                PasswordCheck::Match
            },
            lapsed: None,
            known_browser: true,
            code,
        },
        Step::BirthDate => Command::ConfirmBirthDate {
            session,
            matches: !odd,
            waiting_until: None,
        },
        Step::Email => Command::RegisterEmail {
            session,
            contact: ContactId(random_id(random)),
            same_as: None,
            link,
        },
        Step::EmailLink => {
            let contact = contact.unwrap();
            Command::FollowEmailLink {
                contact: contact.id,
                issue: contact.links[0].issue,
            }
        }
        Step::EmailUpdate => Command::UpdateEmail {
            session,
            code: odd.then_some(code),
        },
        Step::OtpMethod => Command::ChooseOtpMethod {
            session,
            method: OtpMethod::Email,
        },
        Step::Password => Command::ChangePassword {
            session,
            credential: CredentialId(random_id(random)),
            form: FormId(random_id(random)),
        },
        Step::Otp => Command::SubmitOtp {
            session,
            against,
            check: if odd {
                CodeCheck::Mismatch
            } else {
                CodeCheck::Match
            },
        },
        Step::SignIn
        | Step::Terms
        | Step::FirstLoginCompleted
        | Step::LogOut
        | Step::SignInAgain
        | Step::Completed => Command::LogOut {
            session,
            why: LogOutReason::Member,
        },
    }
}

fn random_id(random: &mut StdRng) -> Uuid {
    Uuid::from_u128(random.random())
}
