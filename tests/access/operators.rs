//! Operators: roles on the unix socket, tokens on HTTP, and what is written down about refusals.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::processes::program;

use crate::{gateway, new_secret};

/// The account that is nobody's.
const NOBODY: u32 = 65534;

/// `switchctl` as another user, who may go where the test's files are.
fn as_nobody(gateway: &Gateway, arguments: &[&str]) -> Output {
    let open = |path: &str, mode| {
        let path = gateway.directory.path().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open("", 0o755);
    open("run", 0o755);
    open("run/switchyard.sock", 0o666);
    // The program may lie in a directory that only root may enter.
    let copy = gateway.directory.path().join("switchctl");
    std::fs::copy(program("switchctl"), &copy).unwrap();
    let id = NOBODY.to_string();
    Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .arg(copy)
        .args(arguments)
        .current_dir(gateway.directory.path())
        .env_remove("SWITCHYARD_TOKEN")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_socket_each_user_has_a_role_and_refusals_are_written_down() {
    if !is_root() {
        return;
    }
    let (gateway, _blue, _green) =
        gateway(", operators: [{ user: somebody, role: admin }]---\n", |_| {}).await;
    assert_eq!(gateway.expect(&["whoami"], 0), "root (admin, by socket)\n");
    let who = as_nobody(&gateway, &["whoami"]);
    assert_eq!(said(&who), "nobody (viewer, by socket)\n");
    assert_eq!(as_nobody(&gateway, &["status"]).status.code(), Some(0));
    let refused = as_nobody(&gateway, &["promote", "--reason", "I want to"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).starts_with(
            "error: nobody has the role viewer, and this needs the role operator\nhint: "
        ),
        "{}",
        said(&refused)
    );
    assert_eq!(gateway.status()["attempt"], 0);
    let notes: Value =
        serde_json::from_str(&gateway.expect(&["history", "--notes", "--output", "json"], 0))
            .unwrap();
    let note = &notes["notes"][0];
    assert_eq!((note["kind"].as_str(), note["who"].as_str()), (Some("refused"), Some("nobody")));
    assert_eq!(note["uid"], NOBODY);
    assert_eq!(
        note["text"],
        "POST /v1/promote was refused: nobody has the role viewer, and this needs the role operator"
    );
    assert_eq!(gateway.metric("switchyard_operator_refusals_total{reason=\"role\"}").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_switch_but_not_force() {
    if !is_root() {
        return;
    }
    let (gateway, _blue, green) =
        gateway(&format!(", operators: [{{ uid: {NOBODY}, role: operator }}]---\n"), |_| {}).await;
    assert_eq!(as_nobody(&gateway, &["promote", "green"]).status.code(), Some(0));
    assert_eq!(gateway.status()["live"], "green");
    let forced = as_nobody(&gateway, &["promote", "blue", "--force", "--reason", "because"]);
    assert_eq!(forced.status.code(), Some(2));
    assert!(said(&forced).contains("force needs the role admin"), "{}", said(&forced));
    assert_eq!(gateway.status()["live"], "green");
    drop(green);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_may_ask_for_a_promotion_but_not_promote() {
    if !is_root() {
        return;
    }
    let (gateway, _blue, _green) =
        gateway(&format!(", operators: [{{ uid: {NOBODY}, role: requester }}]---\n"), |_| {}).await;
    gateway.wait("green");
    assert_eq!(as_nobody(&gateway, &["request", "--reason", "newer"]).status.code(), Some(0));
    let request = &gateway.status()["request"];
    assert_eq!(
        (request["slot"].as_str(), request["who"].as_str()),
        (Some("green"), Some("nobody"))
    );
    let promoted = as_nobody(&gateway, &["promote"]);
    assert_eq!(promoted.status.code(), Some(2));
    assert!(said(&promoted).contains("this needs the role operator"), "{}", said(&promoted));
    assert_eq!(gateway.status()["live"], "blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_operators_in_the_settings_whoever_may_open_the_socket_is_an_admin() {
    if !is_root() {
        return;
    }
    let (gateway, _blue, _green) = gateway("", |_| {}).await;
    assert_eq!(said(&as_nobody(&gateway, &["whoami"])), "nobody (admin, by socket)\n");
    assert_eq!(as_nobody(&gateway, &["promote"]).status.code(), Some(0));
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// `switchctl` with its configuration in `config`, `input` on standard input, and nothing else in its way.
fn switchctl(gateway: &Gateway, config: &Path, arguments: &[&str], input: &str) -> Output {
    let file = config.join("input");
    std::fs::write(&file, input).unwrap();
    Command::new(program("switchctl"))
        .args(arguments)
        .current_dir(gateway.directory.path())
        .env("XDG_CONFIG_HOME", config)
        .env_remove("SWITCHYARD_TOKEN")
        .stdin(std::fs::File::open(file).unwrap())
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_a_token_is_asked_for_and_login_keeps_it_private() {
    let address = free_address();
    let server = format!("http://{address}");
    let mut tokens = Vec::new();
    let extra = format!(", http: \"{address}\", tokens: tokens.jsonl---\n");
    let (gateway, _blue, _green) = gateway(&extra, |directory| {
        for (name, role) in [("ada", "operator"), ("eve", "viewer")] {
            let made = ["--name", name, "--role", role, "--expires", "90d"];
            tokens.push(new_secret(directory, "token", &made, "tokens.jsonl"));
        }
    })
    .await;
    let config = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], input: &str| {
        let mut all = arguments.to_vec();
        all.extend(["--server", &server]);
        switchctl(&gateway, config.path(), &all, input)
    };

    // Machines need no token.
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(http::get(address, path).await.unwrap().status, 200, "{path}");
    }
    let refused = http::get(address, "/v1/status").await.unwrap();
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"switchyard operators\"");
    assert_eq!(refused.json()["error"]["reason"], "unauthorized");
    let without = run(&["status"], "");
    assert_eq!(without.status.code(), Some(2));
    assert!(said(&without).contains("hint: switchctl login"), "{}", said(&without));

    // A wrong token is not stored.
    assert_eq!(run(&["login"], "swo_wrong\n").status.code(), Some(2));
    let file = config.path().join("switchyard/credentials");
    assert!(!file.exists());

    let login = run(&["login"], &format!("{}\n", tokens[0]));
    assert_eq!(login.status.code(), Some(0), "{}", said(&login));
    assert!(said(&login).contains("as ada (operator)") && !said(&login).contains(&tokens[0]));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(said(&run(&["whoami"], "")), "ada (operator, by token)\n");
    assert_eq!(run(&["promote"], "").status.code(), Some(0));
    let history: Value =
        serde_json::from_str(&gateway.expect(&["history", "--output", "json"], 0)).unwrap();
    assert_eq!(history["decisions"][0]["who"], "ada");

    // A file that others can read is not used.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = run(&["status"], "");
    assert_eq!(open.status.code(), Some(2));
    assert!(said(&open).contains("others can read"), "{}", said(&open));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();

    assert_eq!(run(&["login"], &tokens[1]).status.code(), Some(0));
    let viewer = run(&["rollback"], "");
    assert_eq!(viewer.status.code(), Some(2));
    assert!(said(&viewer).contains("eve has the role viewer"), "{}", said(&viewer));
    assert_eq!(run(&["logout"], "").status.code(), Some(0));
    assert_eq!(run(&["status"], "").status.code(), Some(2));

    let notes = gateway.expect(&["history", "--notes", "--output", "json"], 0);
    assert!(notes.contains("eve has the role viewer") && notes.contains("bad_token"), "{notes}");
    assert!(notes.contains("no_token") && !notes.contains("swo_"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn login_is_refused_where_no_token_is_asked_for() {
    let address = free_address();
    let (gateway, _blue, _green) = gateway(&format!(", http: \"{address}\"---\n"), |_| {}).await;
    let config = tempfile::tempdir().unwrap();
    let server = format!("http://{address}");
    let login = switchctl(&gateway, config.path(), &["login", "--server", &server], "anything");
    assert_eq!(login.status.code(), Some(1), "{}", said(&login));
    assert!(said(&login).contains("asks for no token"));
    let usage = switchctl(&gateway, config.path(), &["login"], "anything");
    assert_eq!(usage.status.code(), Some(64));
}
