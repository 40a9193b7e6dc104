//! Real browsers: a chromedriver of the test's own, Chromium windows that show a page, and axe-core to judge it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64;
use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use url::Url;

use super::app::eventually;

/// A telephone, and a computer.
pub const WIDTHS: [u32; 2] = [390, 1280];

/// Nothing may need sideways scrolling on a screen this wide (WCAG 2.2, 1.4.10).
const NARROWEST: u32 = 320;

/// How often Tab is pressed before something counts as out of reach.
const TABS: usize = 40;

const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
];

/// A running chromedriver on a free port; dropping it ends it, and its browsers.
pub struct Driver {
    child: Child,
    port: u16,
    /// Kept open, so that the driver can go on writing.
    _output: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Driver {
    pub fn start() -> Self {
        // The client asks for the process's provider, and with two in the tree there is none by itself.
        let _ = ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        loop {
            let mut child = Command::new("chromedriver")
                .arg("--port=0")
                .env("TMPDIR", folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| {
                    panic!("chromedriver does not start ({error}): scripts/test installs it")
                });
            let mut output = BufReader::new(child.stdout.take().unwrap());
            if let Some(port) = port_in(&mut output) {
                return Self {
                    child,
                    port,
                    _output: output,
                    _folder: folder,
                };
            }
            child.wait().unwrap();
        }
    }

    /// A browser with a profile of its own.
    pub async fn window(&self) -> Window {
        self.open(json!({})).await
    }

    /// A browser in which no script of a page runs.
    pub async fn window_without_scripts(&self) -> Window {
        self.open(json!({"profile.managed_default_content_settings.javascript": 2}))
            .await
    }

    async fn open(&self, preferences: Value) -> Window {
        let options = json!({"args": ARGUMENTS, "prefs": preferences});
        let wishes = json!({"browserName": "chrome", "goog:chromeOptions": options});
        let client = ClientBuilder::rustls()
            .unwrap()
            .capabilities(wishes.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .unwrap_or_else(|error| {
                panic!("Chromium does not start ({error}): scripts/test installs it")
            });
        let window = Window { client };
        window.resize(WIDTHS[0]).await;
        window
    }

    /// Told to shut down, the driver ends its browsers first.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        connection.set_read_timeout(Some(Duration::from_secs(10)))?;
        connection.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        connection.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.shut_down();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The driver's port; none if the one that it found free for IPv6 is another's for IPv4, where it gives up.
fn port_in(output: &mut impl BufRead) -> Option<u16> {
    let mut said = String::new();
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).unwrap() == 0 {
            assert!(
                said.contains("port not available"),
                "chromedriver ends: {said}"
            );
            return None;
        }
        if let Some((_, port)) = line.trim_end().split_once("successfully on port ") {
            return Some(port.trim_end_matches('.').parse().unwrap());
        }
        said += &line;
    }
}

/// A window that shows a page.
pub struct Window {
    pub client: Client,
}

impl Window {
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The path of the page that is shown.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Everything that can be read on the page.
    pub async fn text(&self) -> String {
        self.ask("return document.body.innerText").await
    }

    /// The page's language.
    pub async fn language(&self) -> String {
        self.ask("return document.documentElement.lang").await
    }

    /// What a script's expression comes to, as text.
    pub async fn ask(&self, script: &str) -> String {
        let answer = self.client.execute(script, Vec::new()).await.unwrap();
        answer.as_str().unwrap_or_default().to_owned()
    }

    /// Waits for the page with this heading.
    pub async fn arrives_at(&self, heading: &str) {
        let script = "return document.querySelector('h1')?.innerText ?? ''";
        eventually(&format!("the page “{heading}”"), || async {
            let shown = self.client.execute(script, Vec::new()).await.ok()?;
            (shown == heading).then_some(())
        })
        .await;
    }

    /// Waits for the page with this heading, or for one at the door that says these words; whether it is the former.
    pub async fn arrives_at_unless_told(&self, heading: &str, words: &str) -> bool {
        eventually(&format!("the page “{heading}”, or “{words}”"), || async {
            let script = "return [document.querySelector('h1')?.innerText ?? '', document.body.innerText]";
            let shown = self.client.execute(script, Vec::new()).await.ok()?;
            let told = shown[0] == "ログイン" && shown[1].as_str()?.contains(words);
            (shown[0] == heading || told).then_some(!told)
        })
        .await
    }

    /// Waits until this can be read on the page, which a press may still be loading.
    pub async fn shows(&self, words: &str) {
        eventually(&format!("“{words}”"), || async {
            let script = "return document.body.innerText";
            let text = self.client.execute(script, Vec::new()).await.ok()?;
            text.as_str()?.contains(words).then_some(())
        })
        .await;
    }

    /// Fails if this can be read on the page.
    pub async fn hides(&self, words: &str) {
        let text = self.text().await;
        assert!(!text.contains(words), "“{words}” is in:\n{text}");
    }

    /// Types into the field with this id, in place of what is in it.
    pub async fn types(&self, id: &str, text: &str) {
        let field = self.client.find(Locator::Id(id)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Chooses a file in the field with this id.
    pub async fn attaches(&self, id: &str, path: &str) {
        let field = self.client.find(Locator::Id(id)).await.unwrap();
        field.send_keys(path).await.unwrap();
    }

    /// Presses the button, or follows the link, with these words, on the page that is shown or being loaded.
    pub async fn presses(&self, words: &str) {
        self.pressable(words).await.click().await.unwrap();
    }

    /// Presses it twice, as fast as a mouse can.
    pub async fn double_presses(&self, words: &str) {
        let element = self.pressable(words).await;
        let press = PointerAction::Down { button: 0 };
        let release = PointerAction::Up { button: 0 };
        let script = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})";
        let button = serde_json::to_value(&element).unwrap();
        self.client.execute(script, vec![button]).await.unwrap();
        let onto = PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        };
        let mouse = MouseActions::new("mouse".to_owned())
            .then(onto)
            .then(press.clone())
            .then(release.clone())
            .then(press)
            .then(release);
        self.client.perform_actions(mouse).await.unwrap();
    }

    async fn pressable(&self, words: &str) -> Element {
        let path = ["button", "a", "summary"]
            .map(|tag| format!("//{tag}[normalize-space(.)=\"{words}\"]"))
            .join("|");
        eventually(&format!("“{words}”"), || async {
            let found = self.client.find_all(Locator::XPath(&path)).await.ok()?;
            for element in found {
                if element.is_displayed().await.ok()? {
                    return Some(element);
                }
            }
            None
        })
        .await
    }

    /// Moves on with Tab until the focus is on the field with this id, or on the button or link with these words.
    pub async fn tabs_to(&self, id_or_words: &str) {
        for _ in 0..TABS {
            self.strikes("\u{e004}").await;
            let focused = self.client.active_element().await.unwrap();
            let id = focused.attr("id").await.unwrap();
            if id.as_deref() == Some(id_or_words) || focused.text().await.unwrap() == id_or_words {
                return;
            }
        }
        panic!("Tab never comes to “{id_or_words}”");
    }

    /// Strikes keys, wherever the focus is.
    pub async fn strikes(&self, keys: &str) {
        let mut keyboard = KeyActions::new("keyboard".to_owned());
        for value in keys.chars() {
            keyboard = keyboard
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.client.perform_actions(keyboard).await.unwrap();
    }

    /// Presses Enter.
    pub async fn enters(&self) {
        self.strikes("\u{e007}").await;
    }

    /// Lets files that are downloaded from now on end up in a folder.
    pub async fn saves_into(&self, folder: &Path) {
        let wishes = json!({"behavior": "allow", "downloadPath": folder});
        self.commands("Browser.setDownloadBehavior", wishes).await;
    }

    /// Looks at the page at each width, and then in English, by its own switch, on a telephone. The window is a telephone
    /// in Japanese again afterwards.
    pub async fn looks_both(&self, name: &str) {
        self.looks(name).await;
        let path = self.path().await;
        self.presses("English").await;
        self.speaks("en").await;
        assert_eq!(self.path().await, path, "the switch keeps the page");
        self.judges(name, WIDTHS[0]).await;
        self.presses("日本語").await;
        self.speaks("ja").await;
        assert_eq!(self.path().await, path, "the switch keeps the page");
    }

    async fn speaks(&self, language: &str) {
        eventually(&format!("a page in {language}"), || async {
            let script = "return document.documentElement.lang";
            let shown = self.client.execute(script, Vec::new()).await.ok()?;
            (shown == language).then_some(())
        })
        .await;
    }

    /// Looks at the page at each width: takes its picture, and holds it against axe's rules.
    pub async fn looks(&self, name: &str) {
        self.resize(NARROWEST).await;
        let script = "return `${document.documentElement.scrollWidth}`";
        assert_eq!(
            self.ask(script).await,
            NARROWEST.to_string(),
            "{name} must not be wider than the screen"
        );
        for width in WIDTHS.into_iter().rev() {
            self.judges(name, width).await;
        }
    }

    /// Looks at the page on a telephone alone; for states of pages that were looked at before.
    pub async fn glances(&self, name: &str) {
        self.judges(name, WIDTHS[0]).await;
    }

    async fn judges(&self, name: &str, width: u32) {
        self.resize(width).await;
        self.takes_picture(name, width).await;
        let violations = self.violations().await;
        assert!(
            violations.is_empty(),
            "{name} at {width} px: {violations:#?}"
        );
    }

    /// The whole page, to `target/screenshots/{language}/{width}/{name}.png`.
    async fn takes_picture(&self, name: &str, width: u32) {
        let metrics = self.commands("Page.getLayoutMetrics", json!({})).await;
        let mut clip = metrics["cssContentSize"].clone();
        clip["scale"] = json!(1);
        let wishes = json!({"captureBeyondViewport": true, "clip": clip, "optimizeForSpeed": true});
        let shot = self.commands("Page.captureScreenshot", wishes).await;
        let picture = shot["data"].as_str().unwrap();
        let picture = BASE64.decode(picture.as_bytes()).unwrap();
        let folder = target()
            .join("screenshots")
            .join(self.language().await)
            .join(width.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// What axe-core finds wrong with the page: rule, and elements.
    async fn violations(&self) -> Vec<String> {
        if self.ask("return typeof axe").await == "undefined" {
            let axe = axe_core();
            self.client.execute(&axe, Vec::new()).await.unwrap();
        }
        let script = "const done = arguments[0];
            axe.run({resultTypes: ['violations']}).then(
                (found) => done(found.violations.map((it) =>
                    `${it.id}: ${it.nodes.map((node) => node.html + ' ' + node.failureSummary).join('; ')}`)),
                (error) => done([String(error)]));";
        let found = self.client.execute_async(script, Vec::new()).await.unwrap();
        serde_json::from_value(found).unwrap()
    }

    /// Lets what pages opened from now on would do within twenty minutes happen a thousand times sooner.
    pub async fn hurries(&self) {
        let script = "const wait = window.setTimeout;
            window.setTimeout = (what, time) => wait(what, time < 20 * 60000 ? time / 1000 : time);";
        let script = json!({"source": script});
        self.commands("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
    }

    /// Gives the page a screen this wide.
    pub async fn resize(&self, width: u32) {
        let mobile = width < 600;
        let height = if mobile { 844 } else { 800 };
        let screen =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.commands("Emulation.setDeviceMetricsOverride", screen)
            .await;
    }

    /// Gives a command of the Chrome `DevTools` protocol.
    async fn commands(&self, command: &'static str, parameters: Value) -> Value {
        let command = DevTools {
            command,
            parameters,
        };
        self.client.issue_cmd(command).await.unwrap()
    }
}

/// Where cargo builds.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

fn axe_core() -> String {
    let folder = target().join("axe-core");
    let script: Option<PathBuf> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "js"));
    let script = script.unwrap_or_else(|| {
        panic!(
            "no axe-core in {}: scripts/test fetches it",
            folder.display()
        )
    });
    std::fs::read_to_string(script).unwrap()
}

#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &Url) -> (reqwest::Method, Option<String>) {
        let body = json!({"cmd": self.command, "params": self.parameters});
        (reqwest::Method::POST, Some(body.to_string()))
    }
}
