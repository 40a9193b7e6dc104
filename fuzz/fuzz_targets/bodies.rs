//! Bodies of the JSON API: an object with exactly its fields is taken, and nothing else is.

#![no_main]

use kadode::api::members::bodies::{
    BirthDateBody, CodeBody, EmailBody, LinkBody, MethodBody, PasswordBody, SignIn, TermsBody, read,
};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::{Value, json};

/// A body of one text field, which must come out as it went in.
fn text<T: for<'de> Deserialize<'de>>(json: &str, field: &str, of: impl Fn(&T) -> &str) {
    if let Some(body) = read::<T>(json) {
        let value: Value = serde_json::from_str(json).expect("read once");
        assert_eq!(value, json!({ field: of(&body) }));
    }
}

fuzz_target!(|data: &str| {
    text::<BirthDateBody>(data, "birth_date", |body| &body.birth_date);
    text::<TermsBody>(data, "version", |body| &body.version);
    text::<EmailBody>(data, "email", |body| &body.email);
    text::<MethodBody>(data, "method", |body| &body.method);
    text::<PasswordBody>(data, "new_password", |body| &body.new_password);
    text::<CodeBody>(data, "code", |body| &body.code);
    if let Some(body) = read::<SignIn>(data) {
        let value: Value = serde_json::from_str(data).expect("read once");
        assert_eq!(
            value,
            json!({ "user_id": body.user_id, "password": body.password })
        );
    }
    if let Some(body) = read::<LinkBody>(data) {
        let value: Value = serde_json::from_str(data).expect("read once");
        assert!(value == json!({ "disown": body.disown }) || (!body.disown && value == json!({})));
    }
    // Whatever was typed is a field's value too.
    let wrapped = json!({ "code": data }).to_string();
    assert_eq!(
        read::<CodeBody>(&wrapped).map(|body| body.code).as_deref(),
        Some(data)
    );
});
