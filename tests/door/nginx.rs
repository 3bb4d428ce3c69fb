//! What an nginx user brings along: the configuration is imported, and served from.

use switchyard_tests::harness::fake_worker::FakeWorker;
use switchyard_tests::harness::gateway::Gateway;
use switchyard_tests::harness::http;
use switchyard_tests::harness::peers::free_address;
use switchyard_tests::harness::processes::run;

fn configuration(listen: std::net::SocketAddr, blue: &FakeWorker, green: &FakeWorker) -> String {
    format!(
        "events {{ worker_connections 1024; }}\nhttp {{\n\
           upstream blue {{ server {} max_fails=2 fail_timeout=10s; keepalive 8; }}\n\
           upstream green {{ server {}; }}\n\
           server {{\n    listen {listen};\n    client_max_body_size 1k;\n    include conf.d/*.conf;\n\
             location / {{ proxy_pass http://$live; proxy_buffering off; }}\n  }}\n}}\n",
        blue.address, green.address
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_serves_straight_from_an_nginx_configuration() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let directory = tempfile::tempdir().unwrap();
    let listen = free_address();
    let folder = directory.path();
    std::fs::create_dir(folder.join("conf.d")).unwrap();
    std::fs::write(folder.join("conf.d/live.conf"), "set $live blue;\n").unwrap();
    std::fs::write(folder.join("nginx.conf"), configuration(listen, &blue, &green)).unwrap();
    let gateway = Gateway::start_from_nginx(directory).await;
    gateway.wait("blue");
    gateway.wait("green");
    assert_eq!(gateway.address, listen);
    assert_eq!(http::get(listen, "/").await.unwrap().json()["worker"], "blue");
    assert_eq!(http::post(listen, "/", &"x".repeat(2_000)).await.unwrap().status, 413);
    gateway.expect(&["promote"], 0);
    assert_eq!(http::get(listen, "/").await.unwrap().json()["worker"], "green");
    // A reload makes the settings anew.
    let wider = configuration(listen, &blue, &green).replace("size 1k", "size 4k");
    std::fs::write(gateway.directory.path().join("nginx.conf"), wider).unwrap();
    assert_eq!(gateway.expect(&["reload"], 0), "limits.request_body: 1024 → 4096\n");
    assert_eq!(http::post(listen, "/", &"x".repeat(2_000)).await.unwrap().status, 200);
    assert!(gateway.process.log_text().contains("conf.d/live.conf:1"), "what differs is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_gives_settings_the_gateway_takes_and_says_what_it_leaves_out() {
    let blue = FakeWorker::start("blue", "v1").await;
    let green = FakeWorker::start("green", "v2").await;
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    std::fs::write(folder.join("nginx.conf"), configuration(free_address(), &blue, &green))
        .unwrap();
    let output =
        run("switchctl", &["import-nginx", "nginx.conf", "--write", "gateway.yaml"], folder);
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && report.contains("nginx.conf:9"), "{report}");
    assert!(report.contains("0 not supported"), "{report}");
    let checked = run("switchyard", &["--config", "gateway.yaml", "--check"], folder);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let again =
        run("switchctl", &["import-nginx", "nginx.conf", "--write", "gateway.yaml"], folder);
    assert_eq!(again.status.code(), Some(1), "a file that is there is not overwritten");

    std::fs::write(folder.join("broken.conf"), "http {\n server {\n").unwrap();
    let broken = run("switchctl", &["import-nginx", "broken.conf"], folder);
    let said = String::from_utf8_lossy(&broken.stderr);
    assert!(said.contains("error: broken.conf:2: the block of `server` is never closed"), "{said}");
    assert_eq!(broken.status.code(), Some(1));
}

#[tokio::test]
async fn the_promised_configuration_is_imported_whole() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../nginx-compat/blue-green");
    let output = run("switchctl", &["import-nginx", "nginx.conf", "--output", "json"], &folder);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let left_out: Vec<&serde_json::Value> = said["report"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["level"] == "not supported")
        .collect();
    let directives: Vec<&str> =
        left_out.iter().map(|line| line["directive"].as_str().unwrap()).collect();
    // Answers carry the slot anyway, under the same name.
    assert!(
        directives.iter().all(|directive| directive.starts_with("add_header")),
        "{directives:?}"
    );
}
