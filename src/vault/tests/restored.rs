//! After a restore: which of what waits is closed.

use super::*;
use crate::domain::delivery::MailKind;

async fn left(house: &House, sql: &str) -> Vec<String> {
    let left = sqlx::query_scalar(sql).fetch_all(&house.main.read).await;
    left.unwrap()
}

#[tokio::test]
async fn mails_with_a_link_or_code_that_wait_are_never_sent_and_others_are() {
    let house = House::new().await;
    for kind in MailKind::ALL {
        sqlx::query(
            "INSERT INTO outbox (mail_id, kind, member_id, reference, key_id, language, expires_at, due_at, attempts) \
             VALUES ($1, $1, '', '', '', '', '', '', 0)",
        )
        .bind(kind.name())
        .execute(&house.main.write)
        .await
        .unwrap();
    }
    close_after_restore(&house.main, house.now(), house.now())
        .await
        .unwrap();
    assert_eq!(
        left(&house, "SELECT kind FROM outbox ORDER BY kind").await,
        [
            "account_set_up",
            "email_change_notice",
            "password_change_notice",
            "password_reset_notice",
            "support_acted"
        ]
    );
}

#[tokio::test]
async fn rosters_that_wait_are_gone() {
    let house = House::new().await;
    let import = crate::domain::ids::ImportId(house.entropy.id());
    let files = &house.vault.roster_files;
    files.keep(import, b"file", house.now()).await.unwrap();
    close_after_restore(&house.main, house.now(), house.now())
        .await
        .unwrap();
    assert!(files.get(import).await.unwrap().is_none());
}
