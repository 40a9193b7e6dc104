//! The members' mailboxes: takes the mails that the server puts into a folder, and hands link or code to whom it is for.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mail_parser::MessageParser;
use tokio::sync::oneshot;

use crate::Fault;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What waits for whom, by address.
pub(crate) struct Post {
    folder: PathBuf,
    boxes: Mutex<Boxes>,
}

#[derive(Default)]
struct Boxes {
    waiting: HashMap<String, oneshot::Sender<String>>,
    arrived: HashMap<String, Vec<String>>,
    delivered: usize,
}

impl Post {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            boxes: Mutex::default(),
        }
    }

    /// The text of the next mail to `address`.
    pub(crate) async fn next(&self, address: &str) -> Result<String, Fault> {
        let mail = {
            let mut boxes = self.lock();
            if let Some(text) = boxes.arrived.get_mut(address).and_then(Vec::pop) {
                return Ok(text);
            }
            let (sender, mail) = oneshot::channel();
            boxes.waiting.insert(address.to_owned(), sender);
            mail
        };
        Ok(mail.await?)
    }

    /// How many mails have come.
    pub(crate) fn delivered(&self) -> usize {
        self.lock().delivered
    }

    /// Delivers for ever.
    pub(crate) async fn deliver(&self) -> Result<(), Fault> {
        loop {
            tokio::time::sleep(LOOK).await;
            let Ok(files) = fs::read_dir(&self.folder) else {
                // The first mail creates it.
                continue;
            };
            for file in files {
                let path = file?.path();
                if path.extension().is_none_or(|extension| extension != "eml") {
                    continue;
                }
                let bytes = fs::read(&path)?;
                fs::remove_file(&path)?;
                self.hand_out(&bytes)?;
            }
        }
    }

    fn hand_out(&self, bytes: &[u8]) -> Result<(), Fault> {
        let mail = MessageParser::default()
            .parse(bytes)
            .ok_or("a mail that cannot be read")?;
        let to = mail
            .to()
            .and_then(|to| to.first())
            .and_then(|to| to.address())
            .ok_or("a mail to nobody")?;
        let text = mail.body_text(0).ok_or("a mail without text")?.into_owned();
        let mut boxes = self.lock();
        boxes.delivered += 1;
        match boxes.waiting.remove(to) {
            Some(waiting) => waiting.send(text).map_err(|_| "nobody waits any more")?,
            None => boxes.arrived.entry(to.to_owned()).or_default().push(text),
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Boxes> {
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of the link in a mail.
pub(crate) fn token_in(mail: &str) -> Option<&str> {
    let (_, rest) = mail.split_once("/email/")?;
    rest.split_whitespace().next()
}

/// The code in a mail: its only run of six digits. A mail with a link has none, though its token may have such a run.
pub(crate) fn code_in(mail: &str) -> Option<&str> {
    if mail.contains("://") {
        return None;
    }
    mail.split(|c: char| !c.is_ascii_digit())
        .find(|run| run.len() == 6)
}
