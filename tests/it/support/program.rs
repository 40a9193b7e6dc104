//! The program itself, in a process of its own: started on a free port, told to stop or killed, and started again on the same data.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::app::{Client, eventually};
use crate::import::house::House;

/// What stands before the address in what `kadode serve` says.
const SERVING: &str = "(listening on ";

/// What stands before the address in what `kadode demo` says.
const DEMO: &str = "Pages     http://";

/// A running program; dropping it kills it.
pub(crate) struct Program {
    child: Child,
    said: NamedTempFile,
    /// Where it answers, like `http://127.0.0.1:40000`.
    pub(crate) url: String,
}

impl Program {
    /// Serves what is in `house`, with mails as files in its folder `mails`.
    pub(crate) async fn serve(house: &House) -> Self {
        Self::serve_with(house, &["--mail", "file:mails"], &[]).await
    }

    /// Serves what is in `house`, with further arguments, mails among them, and environment variables.
    pub(crate) async fn serve_with(
        house: &House,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Self {
        let mut command = house.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments).envs(settings.iter().copied());
        Self::start(command, SERVING).await
    }

    /// `kadode demo`, with its folder inside `house`.
    pub(crate) async fn demo(house: &House) -> Self {
        let mut command = house.command(&["demo", "--listen", "127.0.0.1:0"]);
        command.env("TMPDIR", house.path(""));
        Self::start(command, DEMO).await
    }

    /// Starts it, and waits until it says its address, which follows `marker`.
    async fn start(mut command: Command, marker: &str) -> Self {
        let said = NamedTempFile::new().unwrap();
        let out = said.reopen().unwrap();
        let child = command
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .unwrap();
        let mut program = Self {
            child,
            said,
            url: String::new(),
        };
        program.url = eventually("the program's address", || {
            let said = program.said();
            let ended = program.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {said}");
            std::future::ready(address_after(marker, &said))
        })
        .await;
        program
    }

    /// Everything it has said on standard output and standard error so far.
    pub(crate) fn said(&self) -> String {
        let bytes = std::fs::read(self.said.path()).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A browser of its own.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url, &[])
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Tells it to stop with SIGTERM, and waits; answers how it ended and how long that took.
    pub(crate) async fn stop(mut self) -> (ExitStatus, Duration) {
        let told = Instant::now();
        // The shell's own kill, for this one process.
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        assert!(sent.unwrap().success());
        let status = eventually("the program's end", || {
            std::future::ready(self.child.try_wait().unwrap())
        })
        .await;
        (status, told.elapsed())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_after(marker: &str, said: &str) -> Option<String> {
    let (_, rest) = said.split_once(marker)?;
    let end = rest.find(|c: char| c != ':' && c != '.' && !c.is_ascii_digit())?;
    Some(format!("http://{}", &rest[..end]))
}
