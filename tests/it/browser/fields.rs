//! Fields, as password managers and hurried people use them.

use crate::support::app::App;
use crate::support::browser::Browser;
use crate::support::chromium::Driver;

/// Each page with its field, and what the field says belongs into it.
const FIELDS: [(&str, &str, &str); 6] = [
    ("/sign-in", "user_id", "username"),
    ("/sign-in", "password", "current-password"),
    ("/birth-date", "birth_date", "bday"),
    ("/email", "email", "email"),
    ("/password", "new_password", "new-password"),
    ("/otp", "code", "one-time-code"),
];

#[tokio::test]
async fn each_takes_what_is_pasted_and_names_what_belongs_into_it() {
    let (app, _) = App::with_member().await;
    let driver = Driver::start();
    let window = driver.window().await;
    window.open(&app.url).await;
    for (page, field, belongs) in FIELDS {
        if page != "/sign-in" {
            let member = Browser::at(&app, page).await;
            let cookie = format!(
                "document.cookie = 'kadode={}; path=/'; return ''",
                member.secret()
            );
            window.ask(&cookie).await;
        }
        window.open(&format!("{}{page}", app.url)).await;
        assert_eq!(window.path().await, page);
        let ask = async |what: &str| {
            let script =
                format!("const it = document.getElementById('{field}'); return String({what})");
            window.ask(&script).await
        };
        assert_eq!(ask("it.autocomplete").await, belongs, "{page}");
        for event in ["paste", "copy", "cut", "contextmenu", "drop"] {
            let sent = format!(
                "it.dispatchEvent(new Event('{event}', {{bubbles: true, cancelable: true}}))"
            );
            assert_eq!(
                ask(&sent).await,
                "true",
                "{event} into {field} of {page} is prevented"
            );
        }
        let readable = ask("!it.readOnly && !it.disabled && it.maxLength < 0").await;
        assert_eq!(readable, "true", "{field} of {page}");
    }
}
