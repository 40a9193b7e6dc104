//! What the benchmarks print: times by percentiles, and a table of figures beside their floors.

use std::fmt;
use std::time::Duration;

/// Times in order.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The time that `percent` of all do not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        let time = self.0.get(rank.saturating_sub(1));
        time.map_or(0.0, Duration::as_secs_f64) * 1000.0
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, nearly_all] = [50, 95, 99].map(|percent| self.percentile(percent));
        write!(f, "{half:.1} / {most:.1} / {nearly_all:.1} ms")
    }
}

/// The lines of the table, as they are found.
#[derive(Default)]
pub(crate) struct Table(Vec<Line>);

struct Line {
    what: String,
    value: String,
    floor: String,
    holds: Option<bool>,
}

impl Table {
    /// A figure that stands for itself.
    pub(crate) fn tell(&mut self, what: &str, value: impl fmt::Display) {
        self.0.push(Line {
            what: what.to_owned(),
            value: value.to_string(),
            floor: String::new(),
            holds: None,
        });
    }

    /// A figure that has to be so.
    pub(crate) fn demand(
        &mut self,
        what: &str,
        value: impl fmt::Display,
        floor: &str,
        holds: bool,
    ) {
        self.0.push(Line {
            what: what.to_owned(),
            value: value.to_string(),
            floor: floor.to_owned(),
            holds: Some(holds),
        });
    }

    /// Whether everything is as it has to be.
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(|line| line.holds != Some(false))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | figure | floor | verdict |")?;
        writeln!(f, "|---|---|---|---|")?;
        for line in &self.0 {
            let verdict = line
                .holds
                .map_or("", |holds| if holds { "holds" } else { "FAILS" });
            let Line {
                what, value, floor, ..
            } = line;
            writeln!(f, "| {what} | {value} | {floor} | {verdict} |")?;
        }
        Ok(())
    }
}
