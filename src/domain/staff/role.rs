//! What somebody of the staff may do, and what a program with a token may.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What somebody is there for. Which pages and routes that opens stands in one table, `api::staff::rights`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Helps members who are stuck.
    Support,
    /// Reviews the history, member by member.
    Auditor,
    /// Reports on the whole, without looking at single members.
    Compliance,
    /// Looks after the accounts of the others, and may review too.
    Administrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Support,
        Self::Auditor,
        Self::Compliance,
        Self::Administrator,
    ];

    /// The name that operators and programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Auditor => "auditor",
            Self::Compliance => "compliance",
            Self::Administrator => "administrator",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|role| role.name() == text);
        named.ok_or_else(|| {
            format!(
                "there is no role {text:?}: {}",
                names(Self::ALL, Self::name)
            )
        })
    }
}

/// What a token is for; it opens nothing that the role of whom it belongs to does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// To read reports and, where the role opens them, events: the list, the export, the stream.
    #[serde(rename = "audit:read")]
    AuditRead,
    /// To find members and read their histories.
    #[serde(rename = "audit:members")]
    AuditMembers,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AuditRead, Self::AuditMembers];

    /// The name that operators and programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuditRead => "audit:read",
            Self::AuditMembers => "audit:members",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|scope| scope.name() == text);
        named.ok_or_else(|| {
            format!(
                "there is no scope {text:?}: {}",
                names(Self::ALL, Self::name)
            )
        })
    }
}

fn names<T, const N: usize>(all: [T; N], name: fn(T) -> &'static str) -> String {
    all.map(name).join(", ")
}
