//! A disk that cannot bring to rest what was written: every fsync fails, by way of strace, while members act.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use tempfile::NamedTempFile;

use super::figures::{conclude, not_tried};
use super::load::{Load, MAIL_PASSWORD, grown, serve};
use super::seen::Seen;
use crate::import::house::House;
use crate::support::app::eventually;
use crate::support::program::Program;
use crate::support::smtp::SmtpServer;

const WHAT: &str = "fsync fails, then a kill";

const MEMBERS: usize = 16;

/// A tracer that makes every fsync of a program fail; ended when dropped, and the disk is well again.
struct BadDisk {
    strace: Child,
    said: NamedTempFile,
}

impl BadDisk {
    /// None, if nothing can be traced here.
    async fn under(program: &Program) -> Option<Self> {
        let said = NamedTempFile::new().unwrap();
        let strace = Command::new("strace")
            .args(["-f", "-p", &program.id().to_string()])
            .args(["-e", "trace=fsync,fdatasync"])
            .args(["-e", "inject=fsync,fdatasync:error=EIO"])
            .stdin(Stdio::null())
            .stderr(said.reopen().unwrap())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("strace does not start ({error}): scripts/test installs it")
            });
        let mut disk = Self { strace, said };
        let attached = eventually("the tracer", || {
            let ended = disk.strace.try_wait().unwrap().is_some();
            let attached = disk.said().contains(" attached with ");
            std::future::ready((ended || attached).then_some(attached && !ended))
        });
        attached.await.then_some(disk)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.said.path()).unwrap()
    }
}

impl Drop for BadDisk {
    fn drop(&mut self) {
        // The traced program goes on as before.
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// How long the log is, asked past the program.
async fn length(house: &House) -> i64 {
    let society = house.society().await;
    let length = society.log.head();
    society.close().await;
    length
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_brought_to_rest_is_not_acknowledged() {
    let house = House::new();
    let paper = Load::import(&house, MEMBERS);
    let mails = Arc::new(SmtpServer::start_for_any_user(MAIL_PASSWORD).await);
    let mut program = serve(&house, &mails, 0, &[]).await;
    let mut load = Load::begin(paper, &program, mails.clone(), 1);
    let journal = load.journal.clone();
    let mut seen = Seen::default();
    load.until(grown(&journal.answered, 30)).await;

    // It goes on by itself.
    let Some(bad) = BadDisk::under(&program).await else {
        not_tried(WHAT, "nothing can be traced here");
        return;
    };
    load.until(grown(&journal.refused, 4)).await;
    let before = length(&house).await;
    load.until(grown(&journal.refused, 4)).await;
    assert_eq!(length(&house).await, before, "a commit went through");
    let said = program.said();
    assert!(said.contains("disk I/O error"), "{said}");
    // That is the reason, and not what the driver makes of it.
    assert!(!said.contains("transaction depth"), "{said}");
    drop(bad);
    load.until(grown(&journal.answered, 30)).await;

    // Nor does a kill meanwhile lose or double anything.
    let unwell_since = Instant::now();
    let bad = BadDisk::under(&program).await;
    load.until(grown(&journal.refused, 4)).await;
    seen.kill(program, &house, Some(unwell_since)).await;
    drop(bad);
    program = serve(&house, &mails, 1, &[]).await;
    load.moved_to(&program);
    conclude(WHAT, &house, load, program, seen).await;
}
