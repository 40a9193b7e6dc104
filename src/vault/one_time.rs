//! One-time passwords, and the links of mails and notices: derived from what the log names, so that nothing secret needs to be kept.

use data_encoding::BASE64URL_NOPAD;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::VaultError;
use super::blind::normalise_id;
use super::keys::{Keys, Purpose, same};
use crate::domain::ids::{ChallengeId, ContactId, IssueId, MemberId, NoticeId};
use crate::domain::values::KeyId;

/// Letters of a reference: no I and no O, which look like digits.
const LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Bytes of the MAC at the end of a link's token.
const MAC_SIZE: usize = 16;

/// What a mailed link names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whose link it is.
    pub member: MemberId,
    /// The address it was mailed to.
    pub contact: ContactId,
    /// Which of the links it is.
    pub issue: IssueId,
}

/// What the link of a notice names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whom it tells.
    pub member: MemberId,
    /// The password of their own, or the address, that it is about.
    pub about: NoticeId,
}

/// Derives and checks one-time passwords and link tokens.
#[derive(Clone, Debug)]
pub struct OneTime {
    keys: Keys,
}

impl OneTime {
    /// Codes and links of these keys.
    #[must_use]
    pub const fn new(keys: Keys) -> Self {
        Self { keys }
    }

    /// The key for a new code or link; its name goes into the event.
    #[must_use]
    pub fn current_key(&self) -> &KeyId {
        self.keys.current()
    }

    /// The six digits of a challenge: HMAC-SHA-256, truncated as in RFC 4226, 5.3.
    ///
    /// # Errors
    /// The key file has no key of that name.
    pub fn code(
        &self,
        key: &KeyId,
        member: MemberId,
        challenge: ChallengeId,
    ) -> Result<SecretString, VaultError> {
        let mac = self.mac(key, b"code", member, challenge)?;
        let offset = usize::from(mac[mac.len() - 1] & 0x0f);
        let number = u32::from_be_bytes([
            mac[offset] & 0x7f,
            mac[offset + 1],
            mac[offset + 2],
            mac[offset + 3],
        ]);
        Ok(SecretString::from(format!("{:06}", number % 1_000_000)))
    }

    /// Whether these are the six digits of a challenge; full-width digits and spaces around them are forgiven.
    ///
    /// # Errors
    /// The key file has no key of that name.
    pub fn matches(
        &self,
        key: &KeyId,
        member: MemberId,
        challenge: ChallengeId,
        typed: &str,
    ) -> Result<bool, VaultError> {
        let code = self.code(key, member, challenge)?;
        Ok(same(
            secrecy::ExposeSecret::expose_secret(&code),
            &Zeroizing::new(normalise_id(typed)),
        ))
    }

    /// Four letters that stand on the screen and in the mail, so that a member knows which code is asked for. They tell
    /// nothing of the code.
    ///
    /// # Errors
    /// The key file has no key of that name.
    pub fn reference(
        &self,
        key: &KeyId,
        member: MemberId,
        challenge: ChallengeId,
    ) -> Result<String, VaultError> {
        let mac = self.mac(key, b"reference", member, challenge)?;
        Ok(mac
            .iter()
            .take(4)
            .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
            .collect())
    }

    /// The token of a mailed link: base64url of member, contact, issue, key name and a 16-byte MAC.
    ///
    /// # Errors
    /// The key file has no key of that name.
    pub fn seal_link(&self, key: &KeyId, link: &Link) -> Result<SecretString, VaultError> {
        let ids = [link.member.0, link.contact.0, link.issue.0];
        self.seal(Purpose::Links, key, ids)
    }

    /// What a token names; nothing if it is not one of ours, or was mailed before a restore. Whether the link still counts, the log knows.
    #[must_use]
    pub fn open_link(&self, token: &str) -> Option<Link> {
        let [member, contact, issue] = self.open(Purpose::Links, token)?;
        self.keys.link_counts(issue).then_some(Link {
            member: MemberId(member),
            contact: ContactId(contact),
            issue: IssueId(issue),
        })
    }

    /// The token of a notice, with the newest key: base64url of member, what it is about, key name and a 16-byte MAC. It has no end of its
    /// own, as paper may lie for weeks.
    ///
    /// # Errors
    /// None, as long as the key file has a newest key.
    pub fn seal_notice(&self, about: &Notice) -> Result<SecretString, VaultError> {
        let ids = [about.member.0, about.about.0];
        self.seal(Purpose::Notices, self.current_key(), ids)
    }

    /// What the token of a notice names; nothing if it is not one of ours. Whether it still counts, the log knows.
    #[must_use]
    pub fn open_notice(&self, token: &str) -> Option<Notice> {
        let [member, about] = self.open(Purpose::Notices, token)?;
        Some(Notice {
            member: MemberId(member),
            about: NoticeId(about),
        })
    }

    fn seal<const COUNT: usize>(
        &self,
        purpose: Purpose,
        key: &KeyId,
        ids: [Uuid; COUNT],
    ) -> Result<SecretString, VaultError> {
        let mut token = ids.map(Uuid::into_bytes).concat();
        let mac = self.keys.mac(purpose, key, &[&token])?;
        token.extend(key.0.as_bytes());
        token.extend(&mac[..MAC_SIZE]);
        Ok(SecretString::from(BASE64URL_NOPAD.encode(&token)))
    }

    fn open<const COUNT: usize>(&self, purpose: Purpose, token: &str) -> Option<[Uuid; COUNT]> {
        let token = BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
        let (named, rest) = token.split_at_checked(COUNT * 16)?;
        let (key, given) = rest.split_at_checked(rest.len().checked_sub(MAC_SIZE)?)?;
        let key = KeyId(std::str::from_utf8(key).ok()?.to_owned());
        let mac = self.keys.mac(purpose, &key, &[named]).ok()?;
        if !bool::from(mac[..MAC_SIZE].ct_eq(given)) {
            return None;
        }
        let mut ids = [Uuid::nil(); COUNT];
        for (id, bytes) in ids.iter_mut().zip(named.chunks_exact(16)) {
            *id = Uuid::from_slice(bytes).ok()?;
        }
        Some(ids)
    }

    fn mac(
        &self,
        key: &KeyId,
        what: &[u8],
        member: MemberId,
        challenge: ChallengeId,
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let parts = [
            what,
            member.0.as_bytes().as_slice(),
            challenge.0.as_bytes().as_slice(),
        ];
        self.keys
            .mac(Purpose::OneTimePasswords, key, &parts)
            .map(Zeroizing::new)
    }
}
