//! Many members at once, on a program that may die, refuse or move at any moment.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::member::Member;
use crate::import::house::House;
use crate::support::app::policy_with;
use crate::support::program::Program;
use crate::support::smtp::SmtpServer;

/// How many members act at once.
const AT_ONCE: usize = 12;

/// The password of our sign-in at the mail server; the user names the run of the program.
pub(super) const MAIL_PASSWORD: &str = "relay-password";

/// Longer than anything may keep a member, whatever breaks.
const FAR_TOO_LONG: Duration = Duration::from_mins(20);

/// The program as its clients know it: which run it is, from 0, and where it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) run: usize,
    pub(super) url: String,
}

/// A step that was answered with success.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acknowledged {
    /// Which member, by the number in the roster.
    pub(super) member: usize,
    /// The event that stands for it.
    pub(super) event: &'static str,
    /// The run of the program that answered.
    pub(super) run: usize,
}

/// What the clients saw.
#[derive(Debug, Default)]
pub(super) struct Journal {
    acknowledged: Mutex<Vec<Acknowledged>>,
    /// Requests answered with success.
    pub(super) answered: watch::Sender<usize>,
    /// Requests answered with 503.
    pub(super) refused: watch::Sender<usize>,
    /// Requests whose answer was lost, as the connection broke; each was asked again.
    pub(super) lost: watch::Sender<usize>,
}

impl Journal {
    pub(super) fn note(&self, step: Acknowledged) {
        self.acknowledged.lock().unwrap().push(step);
    }

    pub(super) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().unwrap().clone()
    }
}

/// Waits until a count has grown by `by` from now.
pub(super) async fn grown(count: &watch::Sender<usize>, by: usize) {
    let mut count = count.subscribe();
    let enough = *count.borrow_and_update() + by;
    count.wait_for(|count| *count >= enough).await.unwrap();
}

/// Members on their way.
pub(super) struct Load {
    pub(super) members: usize,
    /// By the members' numbers.
    pub(super) user_ids: Vec<String>,
    pub(super) journal: Arc<Journal>,
    pub(super) mails: Arc<SmtpServer>,
    pub(super) began: Instant,
    server: watch::Sender<Server>,
    walks: JoinSet<()>,
}

impl Load {
    /// Imports so many members, as the operator does, and answers with user ID and password of each.
    pub(super) fn import(house: &House, members: usize) -> Vec<(String, String)> {
        // Whoever is thrown back to step 13 by one kill after the other needs more codes than a society would send; and a
        // try is counted before it is looked at, so each kill in the middle of a sign-in leaves one counted.
        let policy = policy_with(&[
            (
                "per_hour = 10, per_day = 20",
                "per_hour = 1000, per_day = 1000",
            ),
            ("failures_before_wait = 5", "failures_before_wait = 20"),
        ]);
        house.file("policy.toml", policy.as_bytes());
        let roster = house.large_roster(members);
        let done = house.import(&roster, &["--letters", "letters.csv"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let letters = house.letters("letters.csv");
        assert_eq!(letters.len(), members);
        let paper = letters.into_iter().map(|letter| {
            let password = if letter["password"].is_empty() {
                format!("{}{}19800101", letter["symbol"], letter["number"])
            } else {
                letter["password"].clone()
            };
            (letter["user_id"].clone(), password)
        });
        paper.collect()
    }

    /// Sends everybody on their way, some at once; the same `seed` makes them the same.
    pub(super) fn begin(
        paper: Vec<(String, String)>,
        program: &Program,
        mails: Arc<SmtpServer>,
        seed: u64,
    ) -> Self {
        let journal = Arc::new(Journal::default());
        let server = watch::Sender::new(Server {
            run: 0,
            url: program.url.clone(),
        });
        let members = paper.len();
        let user_ids = paper.iter().map(|(user_id, _)| user_id.clone()).collect();
        let waiting = paper.into_iter().enumerate().map(|(number, credentials)| {
            let seed = seed.wrapping_add(u64::try_from(number).unwrap());
            Member::new(number, credentials, seed)
        });
        let waiting: Arc<Mutex<Vec<Member>>> = Arc::new(Mutex::new(waiting.rev().collect()));
        let mut walks = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (waiting, journal) = (waiting.clone(), journal.clone());
            let (server, mails) = (server.subscribe(), mails.clone());
            walks.spawn(async move {
                loop {
                    let next = waiting.lock().unwrap().pop();
                    let Some(member) = next else { return };
                    let walk = member.walk(server.clone(), &journal, &mails);
                    let walked = tokio::time::timeout(FAR_TOO_LONG, walk).await;
                    assert!(walked.is_ok(), "a member never comes to the end");
                }
            });
        }
        Self {
            members,
            user_ids,
            journal,
            mails,
            began: Instant::now(),
            server,
            walks,
        }
    }

    /// Tells the clients where the program answers now.
    pub(super) fn moved_to(&self, program: &Program) {
        self.server.send_modify(|server| {
            server.run += 1;
            server.url.clone_from(&program.url);
        });
    }

    /// Waits until everybody has come to the end. Fails as soon as one cannot.
    pub(super) async fn finish(&mut self) {
        while let Some(walked) = self.walks.join_next().await {
            walked.unwrap();
        }
    }

    /// Waits for `moment`; fails if everybody has come to the end before, or if one cannot.
    pub(super) async fn until<T>(&mut self, moment: impl Future<Output = T>) -> T {
        tokio::pin!(moment);
        loop {
            tokio::select! {
                reached = &mut moment => return reached,
                walked = self.walks.join_next() => match walked {
                    Some(walked) => walked.unwrap(),
                    None => panic!("the load ended too soon"),
                },
            }
        }
    }
}

/// Serves what is in `house`, with mails to `mails`, where the run of the program signs in by its number.
pub(super) async fn serve(
    house: &House,
    mails: &SmtpServer,
    run: usize,
    settings: &[(&str, &str)],
) -> Program {
    let url = format!(
        "smtp://run-{run}:{MAIL_PASSWORD}@127.0.0.1:{}",
        mails.port()
    );
    let authority = mails.authority();
    let authority = authority.to_str().unwrap();
    let arguments = [
        "--mail",
        &url,
        "--mail-ca",
        authority,
        "--trusted-proxy",
        "127.0.0.1",
    ];
    Program::serve_with(house, &arguments, settings).await
}
