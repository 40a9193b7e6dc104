//! What a later roster of the society does to a member: other data, gone, back again. Each import tells it once, however often it is run.

use super::{Decision, NOTHING_NEW};
use crate::domain::ids::ImportId;
use crate::domain::onboarding::{Event, LogOutReason, Onboarding, ProfileField};

impl Onboarding {
    pub(super) fn change_profile(&self, import: ImportId, fields: &[ProfileField]) -> Decision {
        if self.last_change == Some(import) || fields.is_empty() {
            return NOTHING_NEW;
        }
        Ok(vec![Event::ProfileChanged {
            import,
            fields: fields.to_vec(),
        }])
    }

    pub(super) fn leave(&self, import: ImportId) -> Decision {
        if self.left {
            return NOTHING_NEW;
        }
        let mut events = Vec::new();
        if let Some(open) = &self.session {
            events.push(Event::LoggedOut {
                session: open.id,
                why: LogOutReason::Left,
            });
        }
        events.push(Event::MemberLeft { import });
        Ok(events)
    }

    pub(super) fn come_back(&self, import: ImportId) -> Decision {
        if self.left {
            Ok(vec![Event::MemberReturned { import }])
        } else {
            NOTHING_NEW
        }
    }
}
