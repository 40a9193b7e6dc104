//! The text of a roster: its encoding, and the line on which each record begins.

use std::borrow::Cow;

use encoding_rs::SHIFT_JIS;

/// A file without its byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// How the characters of a roster are written. In both, commas, quotes and line ends are bytes of their own, so that a
/// record can be taken apart before it is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// As Windows has it (code page 932), with ① and 髙.
    ShiftJis,
}

impl Encoding {
    /// The one in which the whole file can be read; else the one in which more of its lines can, so that a single
    /// broken byte is found where it stands.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if Self::Utf8.read(bytes).is_some() {
            return Self::Utf8;
        }
        if Self::ShiftJis.read(bytes).is_some() {
            return Self::ShiftJis;
        }
        let broken = |encoding: Self| {
            bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| encoding.read(line).is_none())
                .count()
        };
        if broken(Self::Utf8) < broken(Self::ShiftJis) {
            Self::Utf8
        } else {
            Self::ShiftJis
        }
    }

    /// The text, if it is one.
    pub(super) fn read(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::ShiftJis => SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes),
        }
    }

    /// The text, with a mark for what is none.
    pub(super) fn read_lossy(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes),
            Self::ShiftJis => SHIFT_JIS.decode_without_bom_handling(bytes).0,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::ShiftJis => "Shift_JIS",
        }
    }
}

/// Counts lines as an editor does, whether they end with a line feed, a carriage return or both; line ends inside quotes
/// and empty lines count too.
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            line: 1,
        }
    }

    /// The line of the record that is read from `offset`; offsets come in their order.
    pub(super) fn record_at(&mut self, offset: usize) -> u64 {
        while let Some(byte) = self.bytes.get(self.at) {
            let ends = matches!(byte, b'\n' | b'\r');
            // Empty lines before a record are passed over with it.
            if self.at >= offset && !ends {
                break;
            }
            self.at += 1;
            if ends && !(*byte == b'\r' && self.bytes.get(self.at) == Some(&b'\n')) {
                self.line += 1;
            }
        }
        self.line
    }
}
