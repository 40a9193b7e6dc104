//! Who may open which page and route of staff and auditors: one table, and nothing is open that it does not name.

use axum::http::Method;

use crate::domain::staff::Role;

/// Who may open something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever comes.
    Anybody,
    /// All staff, also those who have yet to set a password of their own.
    AllStaff,
    /// Staff with one of these roles and a password of their own.
    Roles(&'static [Role]),
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The method; who may GET may also HEAD.
    pub method: &'static str,
    /// The path, as the router has it.
    pub path: &'static str,
    /// Who may.
    pub who: Who,
}

const EVERY_ROLE: Who = Who::Roles(&Role::ALL);

/// The table.
pub const RIGHTS: &[Right] = &[
    right("GET", "/staff/sign-in", Who::Anybody),
    right("POST", "/staff/sign-in", Who::Anybody),
    right("POST", "/staff/sign-out", Who::Anybody),
    right("GET", "/staff/password", Who::AllStaff),
    right("POST", "/staff/password", Who::AllStaff),
    right("GET", "/staff", EVERY_ROLE),
];

const fn right(method: &'static str, path: &'static str, who: Who) -> Right {
    Right { method, path, who }
}

/// The line for a request to the route at `path`.
#[must_use]
pub fn of(method: &Method, path: &str) -> Option<&'static Right> {
    let method = if *method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    RIGHTS
        .iter()
        .find(|right| right.method == method && right.path == path)
}
