//! `kadode demo`: its page of mails is guarded like every other.

use reqwest::Method;

use crate::import::house::House;
use crate::support::program::Program;

#[tokio::test]
async fn the_demos_mails_are_shown_under_its_own_name_alone_and_with_the_security_headers() {
    let house = House::new();
    let program = Program::demo(&house).await;
    let client = program.client();
    let ask = |headers| client.send_raw(Method::GET, "/demo/mails", "", headers);
    let elsewhere = ask(&[("host", "attacker.example")]).await;
    assert_eq!(elsewhere.status, 421);
    assert!(!elsewhere.text.contains("お試し用のメール"));
    let page = ask(&[]).await;
    assert_eq!(page.status, 200);
    for header in [
        "content-security-policy",
        "x-content-type-options",
        "cache-control",
        "x-request-id",
    ] {
        assert!(page.headers.contains_key(header), "{header}");
    }
}
