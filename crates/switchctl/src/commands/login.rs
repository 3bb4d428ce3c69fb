//! `switchctl login`, `logout` and `whoami`: the token that is shown to a gateway over HTTP.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::json;
use switch_api::WhoAmI;
use switch_client::{Client, Credentials};

use crate::render::{self, Output};
use crate::trouble::Trouble;

/// Asks for a token, shows it to the gateway, and stores it when it is accepted.
pub(crate) async fn login(server: &str, output: Output) -> Result<ExitCode, Trouble> {
    if !server.starts_with("http://") {
        return Err(Trouble::Usage(format!(
            "login is for http://HOST:PORT: at {server} the gateway knows you by your user"
        )));
    }
    let credentials = Credentials::of_this_user()?;
    let token = read_token(server)?;
    let who: WhoAmI = Client::with_token(server, &token)?.get("/v1/whoami").await?;
    if who.by != "token" {
        let text = format!("{server} asks for no token; nothing was stored");
        return Err(Trouble::Failed(text, Some("name a file under admin.tokens".to_owned())));
    }
    credentials.store(server, &token)?;
    Ok(render::print(output, &who, || {
        format!(
            "logged in to {server} as {} ({}); the token is in {}\n",
            who.name,
            who.role,
            credentials.file().display()
        )
    }))
}

/// Forgets the stored token.
pub(crate) fn logout(server: &str, output: Output) -> Result<ExitCode, Trouble> {
    let known = Credentials::of_this_user()?.forget(server)?;
    Ok(render::print(output, &json!({ "logged_out": known }), || {
        if known {
            format!("logged out of {server}; the token itself stays valid until it is revoked\n")
        } else {
            format!("not logged in to {server}\n")
        }
    }))
}

/// Says whom the gateway takes the asker for.
pub(crate) async fn whoami(client: &Client, output: Output) -> Result<ExitCode, Trouble> {
    let who: WhoAmI = client.get("/v1/whoami").await?;
    Ok(render::print(output, &who, || format!("{} ({}, by {})\n", who.name, who.role, who.by)))
}

/// One line of standard input; on a terminal without showing it.
fn read_token(server: &str) -> Result<String, Trouble> {
    let input = std::io::stdin();
    let mut line = String::new();
    let failed = |error: std::io::Error| Trouble::Failed(format!("reading a token: {error}"), None);
    if input.is_terminal() {
        render::prompt(&format!("token for {server}: "));
        let hidden = Hidden::begin();
        let read = input.lock().read_line(&mut line);
        drop(hidden);
        render::prompt("\n");
        read.map_err(failed)?;
    } else {
        input.lock().read_line(&mut line).map_err(failed)?;
    }
    let token = line.trim();
    if token.is_empty() || token.len() > 4096 || token.contains(|c: char| !c.is_ascii_graphic()) {
        let hint = "pipe it in: switchctl login --server http://HOST:PORT < token.txt".to_owned();
        return Err(Trouble::Failed("no token was given".to_owned(), Some(hint)));
    }
    Ok(token.to_owned())
}

/// While it lives, the terminal does not show what is typed.
struct Hidden(Option<rustix::termios::Termios>);

impl Hidden {
    fn begin() -> Self {
        let Ok(before) = tcgetattr(std::io::stdin()) else { return Self(None) };
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &quiet);
        Self(Some(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}
