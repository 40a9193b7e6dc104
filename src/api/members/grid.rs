//! When a failing sign-in is answered: on a grid of time, so that how long the work took tells nothing.

use std::time::Duration;

use tokio::time::Instant;

/// Judgement: a run of argon2 takes 15 to 20 ms and what else a known user ID costs (its stream, a sealed trace, an append) a few
/// (measured); the rest is room for a busy machine, so that every failing sign-in is done before the first line. (Measured in a debug
/// build on two cores at work, eight at a time: at 100 ms, known IDs still missed the first line more often.)
const APART: Duration = Duration::from_millis(250);

/// The work on one request, measured.
#[derive(Debug)]
pub(in crate::api) struct Grid {
    began: Instant,
}

impl Grid {
    /// The work begins now.
    pub(in crate::api) fn begin() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// Waits for something that is no work on this request, and leaves the time it took out. A queue's length would carry the
    /// work beyond a line now and then, and the more often the longer it takes.
    pub(in crate::api) async fn without<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let before = Instant::now();
        let done = waiting.await;
        self.began += before.elapsed();
        done
    }

    /// Waits for the next line.
    pub(in crate::api) async fn next_line(self) {
        let lines = self.began.elapsed().as_nanos() / APART.as_nanos() + 1;
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        tokio::time::sleep_until(self.began + APART * lines).await;
    }
}
