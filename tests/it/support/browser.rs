//! A browser without scripts: cookies, form tokens, redirects looked at one by one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use super::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};

/// The name that the tests' browsers give.
const AGENT: &str = "Test Browser";

/// One browser; a [`Browser::twin`] has the same cookies and goes its own way from there.
pub struct Browser {
    http: reqwest::Client,
    base: String,
    cookies: Mutex<BTreeMap<String, String>>,
    token: Mutex<String>,
}

/// A page as it was answered.
#[derive(Debug)]
pub struct Shown {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub html: String,
}

impl Shown {
    /// Fails unless the browser is sent there with 303.
    pub fn leads_to(&self, path: &str) -> &Self {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.html);
        assert_eq!(self.headers["location"], path);
        self
    }

    /// Fails unless it has this status.
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.html);
        self
    }

    /// Fails unless the text stands on the page.
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.html.contains(text), "{text} is not in {}", self.html);
        self
    }

    /// Fails if the text stands on the page.
    pub fn is_silent_on(&self, text: &str) -> &Self {
        assert!(!self.html.contains(text), "{text} is in {}", self.html);
        self
    }

    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.html.split_once(&format!("name=\"{name}\""))?;
        let (tag, _) = rest.split_once('>')?;
        let (_, value) = tag.split_once("value=\"")?;
        Some(value.split('"').next()?.to_owned())
    }

    /// The `Set-Cookie` header of the cookie whose name ends so.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all("set-cookie").iter();
        let named = format!("{name}=");
        all.find_map(|value| value.to_str().ok().filter(|text| text.starts_with(&named)))
    }
}

impl Browser {
    /// A browser that has never been here.
    pub fn new(app: &App) -> Self {
        Self::at_url(&app.url)
    }

    /// A browser that has never been at that address.
    pub fn at_url(base: &str) -> Self {
        let redirects = reqwest::redirect::Policy::none();
        Self {
            http: reqwest::Client::builder()
                .redirect(redirects)
                .build()
                .unwrap(),
            base: base.to_owned(),
            cookies: Mutex::default(),
            token: Mutex::default(),
        }
    }

    /// A browser with the sign-in page open.
    pub async fn at_the_door(app: &App) -> Self {
        let browser = Self::new(app);
        browser.get("/sign-in").await.is(200);
        browser
    }

    /// A browser of the example member, signed in with the password in force and at the page of a step.
    pub async fn at(app: &App, path: &str) -> Self {
        let browser = Self::at_the_door(app).await;
        if browser.sign_in(INITIAL_PASSWORD).await.status == StatusCode::UNAUTHORIZED {
            browser.sign_in(NEW_PASSWORD).await.is(303);
        }
        browser.walk_to(app, path).await;
        browser
    }

    /// One with the same cookies and forms.
    pub fn twin(&self) -> Self {
        Self {
            http: self.http.clone(),
            base: self.base.clone(),
            cookies: Mutex::new(self.cookies.lock().unwrap().clone()),
            token: Mutex::new(self.token.lock().unwrap().clone()),
        }
    }

    /// Puts a cookie in place of what was there.
    pub fn set(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.lock().unwrap();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Loses a cookie.
    pub fn lose(&self, name: &str) {
        self.cookies.lock().unwrap().remove(name);
    }

    /// The session's secret.
    pub fn secret(&self) -> String {
        self.cookies.lock().unwrap()["kadode"].clone()
    }

    /// The token that forms carry.
    pub fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    pub async fn get(&self, path: &str) -> Shown {
        self.send(self.request(Method::GET, path)).await
    }

    /// Goes where a path leads in the end.
    pub async fn open(&self, path: &str) -> (String, Shown) {
        let mut path = path.to_owned();
        for _ in 0..5 {
            let shown = self.get(&path).await;
            let Some(next) = shown.headers.get("location") else {
                return (path, shown);
            };
            path = String::from(next.to_str().unwrap());
        }
        panic!("led in a circle at {path}");
    }

    /// Sends a form as one of our pages holds it.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let token = self.token();
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.send(self.request(Method::POST, path).form(&all)).await
    }

    pub async fn sign_in(&self, password: &str) -> Shown {
        let fields = [("user_id", USER_ID), ("password", password)];
        self.post("/sign-in", &fields).await
    }

    /// Its cookies, as it sends them.
    pub fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// A request with the cookies.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .header("user-agent", AGENT)
            .header("cookie", self.cookie_header())
    }

    /// Sends a request, and keeps cookies and form token of the answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Shown {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for value in headers.get_all("set-cookie") {
            let pair = value.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.lose(name);
            } else {
                self.set(name, value);
            }
        }
        let html = response.text().await.unwrap();
        let shown = Shown {
            status,
            headers,
            html,
        };
        if let Some(token) = shown.field("form_token") {
            *self.token.lock().unwrap() = token;
        }
        shown
    }

    /// Takes a signed-in browser through the forms until the page of that path is due.
    pub async fn walk_to(&self, app: &App, path: &str) {
        loop {
            let (due, page) = self.open("/").await;
            if due == path {
                return;
            }
            match due.as_str() {
                "/birth-date" => self.post(&due, &[("birth_date", "1980-01-01")]).await,
                "/terms" => {
                    let version = page.field("version").unwrap();
                    self.post(&due, &[("version", &version)]).await
                }
                "/email" => self.post(&due, &[("email", "hanako@example.jp")]).await,
                "/email-link" => {
                    if page.html.contains("data-events") {
                        let link = format!("/email/{}", app.link_token().await);
                        let phone = Self::new(app);
                        phone.get(&link).await.is(200);
                        phone.post(&link, &[]).await.leads_to(&link);
                    }
                    self.post(&due, &[]).await
                }
                "/otp-method" => self.post(&due, &[("method", "email")]).await,
                "/password" => self.post(&due, &[("new_password", NEW_PASSWORD)]).await,
                "/first-login-completed" => {
                    self.post("/log-out", &[]).await;
                    self.sign_in(NEW_PASSWORD).await
                }
                "/otp" => self.post(&due, &[("code", &app.code().await)]).await,
                other => panic!("there is no way from {other} to {path}"),
            }
            .is(303);
        }
    }
}
