//! Which browsers count as the member's, by the moment at which each last showed that it is: by the date of birth, the address that was
//! entered there, a code or a password of the member's own.

use jiff::Timestamp;

use super::Onboarding;

impl Onboarding {
    /// The moment before which whatever a browser has shown says nothing any more: since then another password or letter took the place of
    /// what was known there, or staff stopped all use.
    #[must_use]
    pub fn forgets_browsers_before(&self) -> Option<Timestamp> {
        let replaced = self.password.and_then(|own| own.replaced_at());
        self.browsers_from.max(replaced)
    }

    /// Whether a browser that showed itself the member's at that moment needs no code once an address is confirmed, to go on in the first
    /// login.
    ///
    /// Not if that was before the address was entered: the date of birth alone may have been a stranger's who was quicker. So it is the
    /// browser in which the address was entered, and any in which a code to it was.
    #[must_use]
    pub fn knows_browser_of(&self, shown: Timestamp) -> bool {
        let links = self.contact.iter().flat_map(|it| &it.links);
        let entered = links.map(|it| it.sent_at).next();
        let since = self.forgets_browsers_before().max(entered);
        since.is_none_or(|since| since <= shown)
    }
}
