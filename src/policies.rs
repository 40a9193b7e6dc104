//! Policies as texts: read from a file, put in force through the log, and found again there by the members enrolled under them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::commands::{Attribution, CommandError, Commands};
use crate::domain::adoption::{Adopt, Adoptions};
use crate::domain::policy::{Policy, PolicyVersion};

/// Bytes in a policy, at most; the sample has some 5,000. The log keeps each whole.
const LARGEST: u64 = 256 * 1024;

/// The id of the one stream of adopted policies.
const STREAM: &str = "society";

/// Why a policy cannot be had; one line: which, where and why.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("policy {0}: {1}")]
    File(String, #[source] std::io::Error),
    /// The text holds a mistake.
    #[error("policy {name}, line {line}: {why}")]
    Mistake {
        /// Where the text came from.
        name: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// None is in force yet.
    #[error("no policy was adopted in this database yet: give --policy FILE")]
    NoneAdopted,
    /// The log does not have the one that is asked for.
    #[error("policy {0} is not in the log")]
    Unknown(String),
    /// It would make members unfindable.
    #[error(
        "policy {0}: user_id_case_sensitive is {1}, but the members in this database were taken in with {2}; \
         give it back its value"
    )]
    UserIdCase(String, bool, bool),
    /// The log does not answer.
    #[error("the policies in the log cannot be read or written: {0}")]
    Log(String),
}

/// A policy with the text it stands in.
#[derive(Clone, Debug)]
pub struct LoadedPolicy {
    /// The rules.
    pub policy: Policy,
    /// Its name and hash.
    pub version: PolicyVersion,
    /// The file's text.
    pub text: String,
}

impl LoadedPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError::File`] or [`PolicyError::Mistake`].
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .and_then(|size| match size as u64 {
                0..=LARGEST => Ok(()),
                _ => Err(io::Error::other(
                    "it is larger than 256 KiB, as no policy is",
                )),
            });
        if let Err(error) = read {
            return Err(PolicyError::File(name, error));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&name, text),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                Err(PolicyError::Mistake {
                    name,
                    line: line_at(error.as_bytes(), good),
                    why: "this is not UTF-8".to_owned(),
                })
            }
        }
    }

    /// Reads the text of a policy; `name` says where it came from.
    ///
    /// # Errors
    /// [`PolicyError::Mistake`].
    pub fn parse(name: &str, text: String) -> Result<Self, PolicyError> {
        let policy: Policy = toml::from_str(&text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            PolicyError::Mistake {
                name: name.to_owned(),
                line: line_at(text.as_bytes(), start),
                why: in_one_line(error.message()),
            }
        })?;
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&text));
        let version = PolicyVersion {
            name: policy.name.clone(),
            sha256,
        };
        Ok(Self {
            policy,
            version,
            text,
        })
    }

    /// The policy in force, from the log.
    ///
    /// # Errors
    /// [`PolicyError::NoneAdopted`], or the log does not answer.
    pub async fn adopted(commands: &Commands) -> Result<Self, PolicyError> {
        let adoptions = adoptions(commands).await?;
        let (_, text) = adoptions.present().ok_or(PolicyError::NoneAdopted)?;
        Self::parse("in the log", text.clone())
    }

    /// Puts the policy in force, unless it is already.
    ///
    /// # Errors
    /// [`PolicyError::UserIdCase`], or the log does not answer.
    pub async fn adopt(
        &self,
        commands: &Commands,
        attribution: Attribution,
    ) -> Result<(), PolicyError> {
        match Self::adopted(commands).await {
            Ok(present) => self.finds_members_of(&present)?,
            Err(PolicyError::NoneAdopted) => {}
            Err(error) => return Err(error),
        }
        let adopt = Adopt {
            version: self.version.clone(),
            text: self.text.clone(),
        };
        let adopted = commands
            .run::<Adoptions, Infallible, _, _>(STREAM.to_owned(), attribution, move |_| {
                std::future::ready(Ok(adopt.clone()))
            })
            .await;
        adopted.map(drop).map_err(|error| match error {
            CommandError::Refused(never) | CommandError::Unsettled(never) => match never {},
            CommandError::Busy | CommandError::Store(_) => PolicyError::Log(error.to_string()),
        })
    }

    /// The blind index of a user ID depends on whether its letters' case counts.
    fn finds_members_of(&self, present: &Self) -> Result<(), PolicyError> {
        let (new, old) = (
            self.policy.user_id_case_sensitive,
            present.policy.user_id_case_sensitive,
        );
        if new == old {
            Ok(())
        } else {
            Err(PolicyError::UserIdCase(self.version.name.clone(), new, old))
        }
    }

    /// Name and hash as one text, as events' metadata hold it.
    #[must_use]
    pub fn label(&self) -> String {
        label(&self.version)
    }
}

/// Finds the policy of a member's enrolment, whose steps, terms and initial password the member keeps; cheap to clone.
#[derive(Clone)]
pub struct Policies {
    commands: Commands,
    /// By hash; no more than a society ever adopted.
    found: Arc<Mutex<HashMap<String, Arc<Policy>>>>,
}

impl Policies {
    /// The policies in the log, of which the present one is known already.
    #[must_use]
    pub fn new(commands: Commands, present: &LoadedPolicy) -> Self {
        let known = (
            present.version.sha256.clone(),
            Arc::new(present.policy.clone()),
        );
        Self {
            commands,
            found: Arc::new(Mutex::new(HashMap::from([known]))),
        }
    }

    /// The policy of that version. It may have been adopted by another program beside this one.
    ///
    /// # Errors
    /// [`PolicyError::Unknown`], or the log does not answer.
    pub async fn of(&self, version: &PolicyVersion) -> Result<Arc<Policy>, PolicyError> {
        if let Some(known) = self.known(&version.sha256) {
            return Ok(known);
        }
        let adoptions = adoptions(&self.commands).await?;
        let text = adoptions
            .text_of(version)
            .ok_or_else(|| PolicyError::Unknown(label(version)))?;
        let policy = Arc::new(LoadedPolicy::parse(&label(version), text.to_owned())?.policy);
        self.lock()
            .insert(version.sha256.clone(), Arc::clone(&policy));
        Ok(policy)
    }

    fn known(&self, sha256: &str) -> Option<Arc<Policy>> {
        self.lock().get(sha256).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Policy>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The line of a place in a text, counted from 1.
fn line_at(text: &[u8], place: usize) -> usize {
    let before = text.iter().take(place);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// A message for a terminal: one line, without what would steer it.
fn in_one_line(message: &str) -> String {
    let told = message.trim().replace('\n', "; ");
    told.replace(char::is_control, "\u{fffd}")
}

fn label(version: &PolicyVersion) -> String {
    format!("{}@{}", version.name, version.sha256)
}

async fn adoptions(commands: &Commands) -> Result<Adoptions, PolicyError> {
    commands.load(STREAM).await.map_err(PolicyError::Log)
}

#[cfg(test)]
mod tests {
    use super::LoadedPolicy;

    #[test]
    fn a_mistake_that_quotes_the_file_is_one_plain_line() {
        let text = "\"a\\u001b[2J\\nb\" = 1\n";
        let error = LoadedPolicy::parse("policy.toml", text.to_owned()).unwrap_err();
        let told = error.to_string();
        assert!(told.starts_with("policy policy.toml, line 1:"), "{told}");
        assert!(!told.contains(char::is_control), "{told:?}");
    }
}
