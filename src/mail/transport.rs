//! The ways a mail can leave, chosen by a URL: SMTP with STARTTLS, SMTP inside TLS, or a folder of files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::folder::Folder;
use super::message::Message;
use super::smtp::{Security, Smtp};

/// How long one mail may take in all, waiting for a free connection included; a sender's lease must be longer.
///
/// Shorter than the minutes of RFC 5321 (4.5.3.2), because a code lives for ten: better to try again on a new connection.
pub const SEND_TIMEOUT: Duration = Duration::from_mins(1);

/// A way for mails to leave.
#[derive(Debug)]
pub struct Transport {
    way: Way,
    give_up_after: Duration,
}

#[derive(Debug)]
enum Way {
    Smtp(Smtp),
    Folder(Folder),
}

/// A mail was taken over by the server, or is safely in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The server's reply code; none for a folder.
    pub smtp_code: Option<u16>,
}

/// A mail did not leave. Holds codes alone, never the server's words, which like to repeat the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether the receiving side will not take this mail, however often it is tried.
    pub permanent: bool,
    /// What went wrong.
    pub cause: Cause,
    /// The reply code (RFC 5321, 4.2), if there was a reply.
    pub smtp_code: Option<u16>,
    /// The enhanced status code (RFC 3463), such as `5.1.1`, if the reply had one.
    pub enhanced_code: Option<String>,
}

/// What kept a mail from leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server could not be reached, or the connection broke.
    Connection,
    /// TLS failed or was not offered; without it nothing is sent.
    Tls,
    /// Too slow; whether the server took the mail is not known.
    Timeout,
    /// The server refused us or our sign-in: a matter of settings, not of this mail.
    Session,
    /// The server refused this mail.
    Reply,
    /// The answer was not SMTP.
    Protocol,
    /// The folder could not be written.
    Storage,
}

impl Failure {
    pub(super) const fn passing(cause: Cause) -> Self {
        Self {
            permanent: false,
            cause,
            smtp_code: None,
            enhanced_code: None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasting = if self.permanent {
            "for good"
        } else {
            "for now"
        };
        write!(f, "mail refused {lasting}: {:?}", self.cause)?;
        if let Some(code) = self.smtp_code {
            write!(f, ", code {code}")?;
        }
        if let Some(code) = &self.enhanced_code {
            write!(f, " {code}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// A setting for mail that cannot be used. Never holds the URL, as a password may stand in it.
#[derive(Debug, Error)]
pub enum TransportFault {
    /// Neither scheme nor folder was recognised.
    #[error(
        "--mail: must start with smtp://, smtps:// or file: (such as smtp://mail.example.jp:587 or file:mails)"
    )]
    Scheme,
    /// No host, a bad port, or a password with characters that need escaping.
    #[error(
        "--mail: no host and port could be read; write smtp://user:password@host:port, \
         and escape special characters in user and password (@ as %40, / as %2F, # as %23)"
    )]
    Address,
    /// A user without password, or the other way round.
    #[error("--mail: give both user and password (smtp://user:password@host:port), or neither")]
    Credentials,
    /// Something stands behind host and port.
    #[error(
        "--mail: nothing may follow host:port; encryption is always required, and the certificate's CA is set by --mail-ca"
    )]
    Trailing,
    /// No folder was named, or it cannot be made.
    #[error("--mail: the folder {} cannot be written to ({why}); name one that can", folder.display())]
    Folder {
        /// The folder as given.
        folder: PathBuf,
        /// The system's reason.
        why: io::ErrorKind,
    },
    /// The file with the CA certificate cannot be used.
    #[error("--mail-ca: {} holds no certificate that can be read; name a PEM file with the CA's certificate", file.display())]
    Authority {
        /// The file as given.
        file: PathBuf,
    },
}

impl Transport {
    /// Prepares the way that `url` names; nothing is sent or connected yet.
    ///
    /// `smtp://[user:password@]host[:port]` is SMTP that must upgrade by STARTTLS (port 587 if none is given), `smtps://…` is SMTP
    /// inside TLS (465), `file:DIR` one file a mail. `authority` is a PEM file with a CA to trust beside the public ones.
    ///
    /// # Errors
    /// Says which setting is wrong and what to do, without repeating the URL.
    pub fn open(url: &str, authority: Option<&Path>) -> Result<Self, TransportFault> {
        let way = if let Some(folder) = url.strip_prefix("file:") {
            Way::Folder(Folder::open(Path::new(folder))?)
        } else if url.starts_with("smtps://") {
            Way::Smtp(Smtp::open(url, Security::Implicit, authority)?)
        } else if url.starts_with("smtp://") {
            Way::Smtp(Smtp::open(url, Security::StartTls, authority)?)
        } else {
            return Err(TransportFault::Scheme);
        };
        Ok(Self {
            way,
            give_up_after: SEND_TIMEOUT,
        })
    }

    /// The same way with another patience than [`SEND_TIMEOUT`].
    #[must_use]
    pub fn give_up_after(self, limit: Duration) -> Self {
        Self {
            give_up_after: limit,
            ..self
        }
    }

    /// Sends one mail, or fails within [`SEND_TIMEOUT`].
    ///
    /// A mail may arrive twice if the connection breaks before the server's last word; its Message-ID is then the same.
    ///
    /// # Errors
    /// Says whether trying again makes sense.
    pub async fn send(&self, message: &Message) -> Result<Accepted, Failure> {
        let sending = async {
            match &self.way {
                Way::Smtp(smtp) => smtp.send(message).await,
                Way::Folder(folder) => folder.put(message).await,
            }
        };
        tokio::time::timeout(self.give_up_after, sending)
            .await
            .unwrap_or(Err(Failure::passing(Cause::Timeout)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use lettre::Address;
    use lettre::address::Envelope;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::MailId;

    const ID: Uuid = Uuid::from_u128(1);

    fn mail() -> Message {
        let to = Address::new("taro", "example.jp").unwrap();
        Message {
            id: MailId(ID),
            envelope: Envelope::new(None, vec![to]).unwrap(),
            bytes: b"Subject: test\r\n\r\ntext\r\n".to_vec(),
        }
    }

    #[test]
    fn urls_of_three_kinds_are_taken() {
        for url in [
            "smtp://mail.example.jp:587",
            "smtp://mail.example.jp",
            "smtps://user:p%40ss%2F@mail.example.jp:465",
            "smtps://[::1]:465/",
            "smtp://127.0.0.1:2525",
        ] {
            assert!(Transport::open(url, None).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_bad_url_says_what_to_do_and_keeps_the_password() {
        for (url, expected) in [
            ("", "must start with"),
            ("mail.example.jp:25", "must start with"),
            ("http://u:hunter2@h", "must start with"),
            ("smtp://", "no host"),
            ("smtp://u:hunter2@", "no host"),
            ("smtp://u:hunter2@host:99999", "no host"),
            ("smtp://u:hunt#er2@host:25", "no host"),
            ("smtp://u:%ff@host:25", "no host"),
            ("smtp://u@host:25", "both user and password"),
            ("smtp://:hunter2@host:25", "both user and password"),
            ("smtp://u:hunter2@host:25?tls=none", "nothing may follow"),
            ("smtp://u:hunter2@host/path", "nothing may follow"),
            ("file:", "folder"),
            ("file:/proc/none/mails", "/proc/none/mails"),
        ] {
            let fault = Transport::open(url, None).unwrap_err();
            let shown = format!("{fault} {fault:?}");
            assert!(shown.contains(expected), "{url}: {shown}");
            assert!(!shown.contains("hunt"), "{url}: {shown}");
        }
    }

    #[test]
    fn a_transport_shows_no_password() {
        let transport = Transport::open("smtps://u:hunter2@mail.example.jp", None).unwrap();
        assert!(!format!("{transport:?}").contains("hunter2"));
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("ca.pem");
        fs::write(&empty, "").unwrap();
        for file in [empty.as_path(), Path::new("/proc/none/ca.pem")] {
            let fault = Transport::open("smtp://mail.example.jp", Some(file)).unwrap_err();
            assert!(fault.to_string().contains(&file.display().to_string()));
        }
    }

    #[tokio::test]
    async fn a_folder_holds_one_whole_file_a_mail() {
        let folder = tempfile::tempdir().unwrap();
        let mails = folder.path().join("new/mails");
        let transport = Transport::open(&format!("file:{}", mails.display()), None).unwrap();
        let message = mail();
        for _ in 0..2 {
            assert_eq!(
                transport.send(&message).await,
                Ok(Accepted { smtp_code: None })
            );
        }
        let names: Vec<_> = fs::read_dir(&mails)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, [format!("{ID}.eml").as_str()]);
        assert_eq!(
            fs::read(mails.join(format!("{ID}.eml"))).unwrap(),
            message.bytes()
        );
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_any_more_is_a_passing_failure() {
        let folder = tempfile::tempdir().unwrap();
        let mails = folder.path().join("mails");
        let transport = Transport::open(&format!("file:{}", mails.display()), None).unwrap();
        fs::write(&mails, "a file is in its place").unwrap();
        let failure = transport.send(&mail()).await.unwrap_err();
        assert_eq!((failure.permanent, failure.cause), (false, Cause::Storage));
    }

    proptest! {
        #[test]
        fn no_fault_repeats_a_password(scheme in "smtps?://|SMTP:|", behind in "[a-z:@/%#?.0-9]{0,12}") {
            let url = format!("{scheme}portal:hunter{behind}@mail.example.jp:25{behind}");
            if let Err(fault) = Transport::open(&url, None) {
                let shown = format!("{fault} {fault:?}");
                prop_assert!(!shown.contains("hunter"));
            }
        }
    }
}
