//! The staff's pages: one struct a page, plain data in, HTML out.

use askama::Template;
use axum::http::Method;

use super::rights;
use crate::api::pages::frame::Page;
use crate::api::pages::words::Text;
use crate::domain::staff::Role;
use crate::domain::values::Language;

/// What stands around every page of staff.
#[derive(Clone, Debug)]
pub struct Desk {
    /// What all pages have: language, society, the token of its forms.
    pub page: Page,
    /// Who is signed in.
    pub badge: Option<Badge>,
    /// What has just happened, or was wrong with the form just sent.
    pub told: Option<Told>,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Badge {
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// A line above the page.
#[derive(Clone, Debug)]
pub enum Told {
    /// Something went well.
    Well(Text),
    /// Something has to be done.
    Ill(Text),
}

impl Desk {
    /// Whether the role of whoever is signed in opens the page at this path.
    #[must_use]
    pub fn opens(&self, path: &str) -> bool {
        let right = rights::of(&Method::GET, path);
        let badge = self.badge.as_ref();
        badge.is_some_and(|badge| right.is_some_and(|right| right.is_of(badge.role)))
    }

    /// The text under `key`.
    #[must_use]
    pub fn t(&self, key: &str) -> Text {
        self.page.t(key)
    }

    /// What the role of whoever is signed in is called.
    #[must_use]
    pub fn role(&self, badge: &Badge) -> Text {
        role_name(self.page.language, badge.role)
    }

    /// Whether what was told is something to be mended.
    #[must_use]
    pub const fn is_ill(&self) -> bool {
        matches!(self.told, Some(Told::Ill(_)))
    }
}

/// What a role is called.
#[must_use]
pub fn role_name(language: Language, role: Role) -> Text {
    Text::of(
        language,
        match role {
            Role::Support => "role.support",
            Role::Auditor => "role.auditor",
            Role::Compliance => "role.compliance",
            Role::Administrator => "role.administrator",
        },
    )
}

/// `/staff/sign-in`.
#[derive(Template)]
#[template(path = "staff/sign_in.html")]
pub struct SignIn {
    /// What surrounds the page.
    pub desk: Desk,
    /// The name as typed before.
    pub name: String,
}

/// `/staff/password`.
#[derive(Template)]
#[template(path = "staff/password.html")]
pub struct OwnPassword {
    /// What surrounds the page.
    pub desk: Desk,
    /// The name, for password keepers.
    pub name: String,
    /// The fewest characters a password may have.
    pub minimum: u32,
}

/// `/staff`: what the role is there for.
#[derive(Template)]
#[template(path = "staff/home.html")]
pub struct Home {
    /// What surrounds the page.
    pub desk: Desk,
}

/// In place of a page that cannot be shown.
#[derive(Template)]
#[template(path = "staff/problem.html")]
pub struct Problem {
    /// What surrounds the page.
    pub desk: Desk,
    /// What the matter is.
    pub title: Text,
    /// What to do.
    pub next: Text,
}
