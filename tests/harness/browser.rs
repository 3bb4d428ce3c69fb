//! A real browser, headless, driven through ChromeDriver's WebDriver protocol (W3C WebDriver, 2018).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http;
use super::processes::{Process, eventually};

/// The key of an element's id in WebDriver's answers (section 11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Nothing here takes longer to appear.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one window.
pub struct Browser {
    address: SocketAddr,
    session: String,
    _driver: Process,
    profile: TempDir,
}

impl Browser {
    /// Starts a browser with a window of this size, in pixels.
    pub async fn start(width: u32, height: u32, more: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        let mut driver = Process::start_command("chromedriver", command, profile.path());
        let port = eventually("chromedriver listens", PATIENCE, async || {
            let log = driver.log_text();
            assert!(driver.is_running(), "chromedriver ended:\n{log}");
            let (_, rest) = log.split_once("started successfully on port ")?;
            rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse::<u16>().ok()
        })
        .await;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--lang=en",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().join("profile").display()));
        arguments.push(format!("--window-size={width},{height}"));
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "prefs": {
                "download.default_directory": profile.path().join("downloads"),
                "download.prompt_for_download": false,
            } },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let begun = exchange(address, "POST", "/session", &capabilities).await;
        let session = begun["sessionId"].as_str().unwrap().to_owned();
        Self { address, session, _driver: driver, profile }
    }

    async fn tell(&self, path: &str, body: &Value) -> Value {
        exchange(self.address, "POST", &format!("/session/{}{path}", self.session), body).await
    }

    async fn ask(&self, path: &str) -> Value {
        let path = format!("/session/{}{path}", self.session);
        exchange(self.address, "GET", &path, &Value::Null).await
    }

    pub async fn open(&self, url: &str) {
        self.tell("/url", &json!({ "url": url })).await;
    }

    pub async fn reload(&self) {
        self.tell("/refresh", &json!({})).await;
    }

    /// Runs the body of a function in the page, and gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.tell("/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Waits until the body of a function returns something true, and gives it.
    pub async fn until(&self, what: &str, script: &str) -> Value {
        eventually(what, PATIENCE, async || {
            let value = self.run(script).await;
            (!matches!(value, Value::Null | Value::Bool(false))).then_some(value)
        })
        .await
    }

    /// The first element that a CSS selector finds, which must be there.
    async fn find(&self, selector: &str) -> String {
        let query = json!({ "using": "css selector", "value": selector });
        let found = self.tell("/element", &query).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.tell(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Types into an element as on a keyboard.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.tell(&format!("/element/{element}/value"), &json!({ "text": text })).await;
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.tell("/actions", &json!({ "actions": [keyboard] })).await;
    }

    /// What the page shows of an element.
    pub async fn text(&self, selector: &str) -> String {
        let element = self.find(selector).await;
        let text = self.ask(&format!("/element/{element}/text")).await;
        text.as_str().unwrap().to_owned()
    }

    /// Errors and refused loads since the last call.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.tell("/se/log", &json!({ "type": "browser" })).await;
        let severe = log.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Where the browser saves files.
    pub fn downloads(&self) -> PathBuf {
        self.profile.path().join("downloads")
    }

    /// Tells the browser something beyond WebDriver, in the Chrome DevTools Protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.tell("/goog/cdp/execute", &body).await;
    }

    /// A picture of the window, as PNG in Base64.
    pub async fn screenshot(&self) -> String {
        self.ask("/screenshot").await.as_str().unwrap().to_owned()
    }
}

async fn exchange(address: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut connection = http::Connection::open(address).await.unwrap();
    let answer = connection.send(http::request(method, path, &body)).await.unwrap();
    let mut answer = answer.json();
    let value = answer["value"].take();
    assert!(value["error"].is_null(), "{method} {path}: {value}");
    value
}
