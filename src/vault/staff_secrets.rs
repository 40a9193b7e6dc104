//! What staff sign in with the first time, and the secrets of their authenticators: derived from a key, stored nowhere.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use uuid::Uuid;

use super::VaultError;
use super::blind::normalise_id;
use super::keys::{Keys, Purpose, same};
use crate::domain::ids::StaffId;
use crate::domain::staff::{Initial, Totp};
use crate::domain::values::KeyId;

/// Characters of a printed password; of five bits each, so 80 bits.
const PRINTED_LENGTH: usize = 16;

/// Bytes of an authenticator's secret (RFC 4226, 4: 160 bits).
const SECRET_SIZE: usize = 20;

/// Seconds for which a code stands (RFC 6238, 5.2).
const PERIOD: i64 = 30;

/// Steps before and after the present one whose codes count too, for clocks that are wrong (RFC 6238, 5.2).
const DRIFT: i64 = 1;

/// Derives and checks them.
#[derive(Clone, Debug)]
pub struct StaffSecrets {
    keys: Keys,
}

impl StaffSecrets {
    pub(super) const fn new(keys: Keys) -> Self {
        Self { keys }
    }

    /// The key that new ones are derived with.
    #[must_use]
    pub fn current_key(&self) -> &KeyId {
        self.keys.current()
    }

    /// A first password: 16 characters of base32.
    ///
    /// # Errors
    /// The key from which it is derived is not in the key file.
    pub fn initial_password(
        &self,
        staff: StaffId,
        initial: &Initial,
    ) -> Result<SecretString, VaultError> {
        let mac = self.mac(&initial.key, b"password", staff, initial.print.0)?;
        let mut text = BASE32_NOPAD.encode(mac.as_slice());
        text.truncate(PRINTED_LENGTH);
        Ok(SecretString::from(text))
    }

    /// Whether this was typed for a first password; width and case of letters, and spaces around it, are forgiven.
    ///
    /// # Errors
    /// The key from which it is derived is not in the key file.
    pub fn matches_initial(
        &self,
        staff: StaffId,
        initial: &Initial,
        typed: &str,
    ) -> Result<bool, VaultError> {
        let typed = Zeroizing::new(normalise_id(typed).to_uppercase());
        let password = self.initial_password(staff, initial)?;
        Ok(same(password.expose_secret(), &typed))
    }

    /// What an authenticator is told (the otpauth:// address that apps know): the secret, and whose it is. Apps take it for SHA-1, six
    /// digits and 30 seconds alike.
    ///
    /// # Errors
    /// The key from which it is derived is not in the key file.
    pub fn authenticator(
        &self,
        staff: StaffId,
        totp: &Totp,
        issuer: &str,
        name: &str,
    ) -> Result<SecretString, VaultError> {
        let secret = Zeroizing::new(BASE32_NOPAD.encode(self.secret(staff, totp)?.as_slice()));
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let (issuer, name) = (encoded(issuer), encoded(name));
        Ok(SecretString::from(format!(
            "otpauth://totp/{issuer}:{name}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period={PERIOD}",
            *secret
        )))
    }

    /// The time step whose code this is, if it is one of now; full-width digits and spaces are forgiven. Takes the same time for any
    /// six digits.
    ///
    /// # Errors
    /// The key from which it is derived is not in the key file.
    pub fn step_of(
        &self,
        staff: StaffId,
        totp: &Totp,
        typed: &str,
        now: Timestamp,
    ) -> Result<Option<i64>, VaultError> {
        let secret = self.secret(staff, totp)?;
        let typed: Zeroizing<String> = Zeroizing::new(
            normalise_id(typed)
                .chars()
                .filter(|sign| !sign.is_whitespace())
                .collect(),
        );
        let present = now.as_second().div_euclid(PERIOD);
        let mut found = None;
        for step in present - DRIFT..=present + DRIFT {
            if same(&code(&*secret, step)?, &typed) {
                found = Some(step);
            }
        }
        Ok(found)
    }

    /// The six digits that an authenticator shows now.
    ///
    /// # Errors
    /// The key from which it is derived is not in the key file.
    pub fn present_code(
        &self,
        staff: StaffId,
        totp: &Totp,
        now: Timestamp,
    ) -> Result<SecretString, VaultError> {
        let secret = self.secret(staff, totp)?;
        let code = code(&*secret, now.as_second().div_euclid(PERIOD))?;
        Ok(SecretString::from(code.as_str()))
    }

    fn secret(
        &self,
        staff: StaffId,
        totp: &Totp,
    ) -> Result<Zeroizing<[u8; SECRET_SIZE]>, VaultError> {
        let mac = self.mac(&totp.key, b"totp", staff, totp.totp.0)?;
        let mut secret = Zeroizing::new([0; SECRET_SIZE]);
        secret.copy_from_slice(&mac[..SECRET_SIZE]);
        Ok(secret)
    }

    fn mac(
        &self,
        key: &KeyId,
        what: &[u8],
        staff: StaffId,
        id: Uuid,
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let parts = [what, staff.0.as_bytes().as_slice(), id.as_bytes()];
        let mac = self.keys.mac(Purpose::Staff, key, &parts)?;
        Ok(Zeroizing::new(mac))
    }
}

/// Six digits (RFC 6238, 4; RFC 4226, 5.3).
fn code(secret: &[u8], step: i64) -> Result<Zeroizing<String>, VaultError> {
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(secret)
        .map_err(|_| VaultError::Damaged("an authenticator's secret"))?;
    mac.update(&step.to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[mac.len() - 1] & 0x0f);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    Ok(Zeroizing::new(format!("{:06}", number % 1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::code;

    /// RFC 6238, appendix B, for SHA-1; of its eight digits, ours are the last six.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, expected) in vectors {
            let code = code(b"12345678901234567890", seconds / 30).unwrap();
            assert_eq!(*code, expected, "{seconds}");
        }
    }
}
