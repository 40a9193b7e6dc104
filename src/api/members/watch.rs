//! After a first password: whether one hand may be behind many accounts, so that auditors are told. It keeps nobody out and fails nobody.

use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::commands::{Actor, Attribution, Outcome};
use crate::domain::anomalies::{Anomaly, Notice, Resemblance};
use crate::domain::domain_class::{DomainClass, domain_class};
use crate::domain::email::EmailAddress;
use crate::domain::ids::{CommandId, MemberId};
use crate::domain::onboarding::{Event, Onboarding};
use crate::vault::Alike;

impl Api {
    /// Looks at who else set a first password in this browser, or with an address at this domain. One that was lost when the program ended in
    /// between is not counted: more follow where there is something to see.
    pub(super) async fn watch(
        &self,
        visit: &Visit,
        member: MemberId,
        outcome: &Outcome<Onboarding>,
    ) {
        let is_first = |event: &Event| matches!(event, Event::PasswordChanged { .. });
        if !outcome.events.iter().any(is_first) {
            return;
        }
        if let Err(problem) = self.look_for_others(visit, member, &outcome.state).await {
            tracing::error!(
                problem = problem.name(),
                "it could not be looked whether a first password is one of many by one hand"
            );
        }
    }

    async fn look_for_others(
        &self,
        visit: &Visit,
        member: MemberId,
        state: &Onboarding,
    ) -> Result<(), Problem> {
        let (activations, limits) = (&self.vault.activations, self.limits.anomalies);
        let now = self.clock.now();
        let of_browser = match &visit.device {
            Some(cookie) => activations.in_browser(cookie, member, now).await?,
            None => None,
        };
        let contact = state.contact.as_ref().map(|contact| contact.id);
        let address = self.address(contact).await?;
        // Where most people have their mailboxes, many with one domain are nothing.
        let domain = address.as_ref().map(EmailAddress::domain);
        let domain = domain.filter(|it| {
            domain_class(it) == DomainClass::Other && !self.policy.society.has_domain(it)
        });
        let of_domain = match domain {
            Some(domain) => Some(activations.at_domain(domain, member, now).await?),
            None => None,
        };
        for (why, alike, usual) in [
            (
                Resemblance::OneBrowser,
                of_browser,
                limits.members_per_browser,
            ),
            (Resemblance::OneDomain, of_domain, limits.members_per_domain),
        ] {
            if let Some(alike) = alike {
                self.tell(why, alike, usual).await?;
            }
        }
        Ok(())
    }

    async fn tell(&self, why: Resemblance, alike: Alike, usual: u32) -> Result<(), Problem> {
        let attribution = Attribution {
            id: CommandId(self.entropy.id()),
            command: "NoticeAnomaly",
            actor: Actor::System("api"),
            request_id: None,
            policy: self.policy_version.clone(),
            trace: None,
        };
        let count = alike.members.len();
        let notice = Notice {
            why,
            members: alike.members,
            usual,
        };
        let told: Result<Outcome<Anomaly>, _> = self
            .commands
            .run(alike.mark, attribution, move |_| {
                std::future::ready(Ok::<_, std::convert::Infallible>(notice.clone()))
            })
            .await;
        let told = told.map_err(|error| {
            tracing::error!(%error, "accounts that resemble each other could not be told of");
            Problem::Busy
        })?;
        if !told.events.is_empty() {
            metrics::counter!("kadode_anomalies_total", "kind" => why.name()).increment(1);
            tracing::warn!(
                kind = why.name(),
                members = count,
                "many accounts resemble each other: see AnomalyNoticed in the history"
            );
        }
        Ok(())
    }
}
