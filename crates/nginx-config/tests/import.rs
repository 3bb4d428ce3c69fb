//! What becomes of real configurations.

#![expect(clippy::unwrap_used, reason = "a test panics with the cause")]

use std::collections::BTreeMap;

use nginx_config::import::{Import, Level, Options, import};
use nginx_config::{Directive, read};

fn imported(files: &[(&str, &str)], options: &Options) -> (Import, usize) {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let tree = read(&files, "nginx.conf").unwrap();
    fn count(tree: &[Directive]) -> usize {
        tree.iter().map(|directive| 1 + count(directive.inside())).sum()
    }
    let directives = count(&tree);
    (import(&tree, "nginx.conf", options), directives)
}

fn level_of(import: &Import, directive: &str) -> Level {
    let mut found = import.report.iter().filter(|line| line.directive.starts_with(directive));
    let line = found.next().unwrap_or_else(|| panic!("{directive} is not in the report"));
    line.level
}

const BLUE_GREEN: &str = "
worker_processes auto;
events { worker_connections 4096; }
http {
    upstream blue {
        least_conn;
        server 127.0.0.1:8001 weight=3 max_fails=3 fail_timeout=30s;
        server 127.0.0.1:8011 backup;
        keepalive 64;
    }
    upstream green { server 127.0.0.1:8002 max_conns=8; server unix:/run/a.sock; }
    server {
        listen 80;
        include live.conf;
        client_max_body_size 20m;
        location / {
            proxy_pass http://$live;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_read_timeout 5m;
            proxy_buffering off;
        }
        location /static/ { root /var/www; }
    }
}
";

#[test]
fn blue_and_green_become_slots_and_every_directive_is_reported_once() {
    let files = [("nginx.conf", BLUE_GREEN), ("live.conf", "set $live blue;")];
    let (found, directives) = imported(&files, &Options::default());
    assert_eq!(found.report.len(), directives);
    assert_eq!(
        found.settings,
        "\
# Made from nginx.conf by `switchctl import-nginx`; its report says what differs.
# Which slot is live is not written here: `switchctl promote` records it in the state file.
listen:
  http: \"0.0.0.0:80\"
admin: { socket: \"run/switchyard.sock\" }
state: \"var/switchyard.db\"
# Blue and green: their names say so.
slots:
  blue:  # blue
    balance: least_in_flight
    workers:
      - { address: \"127.0.0.1:8001\", weight: 3 }
      - { address: \"127.0.0.1:8011\", backup: true }
  green:  # green
    balance: round_robin
    workers:
      - { address: \"127.0.0.1:8002\", max_requests: 8 }
passive: { max_fails: 3, fail_timeout: 30s }
upstream: { read_timeout: 300s, idle_connections: 64 }
limits: { connections: 4096, request_body: 20971520 }
routes:
  - prefix: \"/\"
  - prefix: \"/static/\"
    answer: { status: 501, text: \"this path was not taken over from nginx\\n\" }
"
    );
    for (directive, level) in [
        ("proxy_pass http://$live", Level::Honored),
        ("set $live blue", Level::Different),
        ("proxy_set_header Host", Level::Different),
        ("proxy_set_header X-Forwarded-For", Level::Different),
        ("server unix:/run/a.sock", Level::NotSupported),
        ("location /static/", Level::Different),
        ("root /var/www", Level::NotSupported),
    ] {
        assert_eq!(level_of(&found, directive), level, "{directive}");
    }
    let set = found.report.iter().find(|line| line.directive == "set $live blue").unwrap();
    assert_eq!(set.place.to_string(), "live.conf:1");
}

#[test]
fn what_a_variable_chooses_between_are_the_slots() {
    let text = "http {
        upstream stable { server 10.0.0.1; }
        upstream next { server 10.0.0.2:81; }
        upstream other { server 10.0.0.3; }
        split_clients $remote_addr $chosen { 5% next; * stable; }
        server { listen 127.0.0.1:8080; location / { proxy_pass http://$chosen; } }
    }";
    let (found, _) = imported(&[("nginx.conf", text)], &Options::default());
    assert!(found.settings.contains("blue:  # stable"), "{}", found.settings);
    assert!(found.settings.contains("- \"10.0.0.1:80\"") && !found.settings.contains("10.0.0.3"));
    let split =
        found.report.iter().find(|line| line.directive.starts_with("split_clients")).unwrap();
    assert!(split.explanation.contains("switchctl canary 5%"), "{}", split.explanation);
    assert_eq!(level_of(&found, "upstream other"), Level::NotSupported);
    let options = Options { blue: Some("next".into()), green: Some("other".into()) };
    let (found, _) = imported(&[("nginx.conf", text)], &options);
    assert!(found.settings.contains("blue:  # next"), "{}", found.settings);
}

#[test]
fn tls_and_a_literal_address_and_debians_own_file() {
    let debian = "user www-data;\nworker_processes auto;\npid /run/nginx.pid;\n\
        events { worker_connections 768; }\nhttp {\n sendfile on;\n tcp_nopush on;\n types_hash_max_size 2048;\n\
        include mime.types;\n default_type application/octet-stream;\n ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\n\
        access_log /var/log/nginx/access.log;\n gzip on;\n include sites-enabled/*;\n}\n";
    let site = "server { listen 80; return 301 https://$host$request_uri; }\n\
        server { listen 443 ssl http2; listen [::]:443 ssl; server_name kb.example.com; ssl_certificate a.pem;\n\
        ssl_certificate_key a.key; location / { proxy_pass http://127.0.0.1:8001; } }\n";
    let files = [
        ("nginx.conf", debian),
        ("mime.types", "types { text/html html; }"),
        ("sites-enabled/kb", site),
    ];
    let (found, directives) = imported(&files, &Options::default());
    assert_eq!(found.report.len(), directives);
    assert!(found.settings.contains("https: \"0.0.0.0:443\""), "{}", found.settings);
    assert!(found.settings.contains("{ certificate: \"a.pem\", key: \"a.key\" }"));
    assert!(found.settings.contains("- \"127.0.0.1:8001\""));
    assert_eq!(level_of(&found, "return 301"), Level::Honored);
    let routes = "routes:\n  - prefix: \"/\"\n    scheme: http\n    answer: { status: 301, text: \
                  \"https://$host$request_uri\", content_type: \"application/octet-stream\" }\n  - prefix: \"/\"\n    \
                  scheme: https\n";
    assert!(found.settings.ends_with(routes), "{}", found.settings);
    assert_eq!(level_of(&found, "ssl_protocols"), Level::Different);
    assert_eq!(level_of(&found, "listen [::]:443"), Level::NotSupported);
}

const ROUTES: &str = "
events {}
http {
    map $http_x_team $team { default other; QA quality; ~^dev-(.*)$ dev; }
    limit_req_zone $binary_remote_addr zone=askers:10m rate=10r/s;
    upstream blue { server 10.0.0.1:8001; }
    add_header X-Frame-Options DENY always;
    server {
        listen 80 default_server;
        server_name _;
        return 444;
    }
    server {
        listen 80;
        server_name kb.example.com .example.org;
        set $site kb;
        client_max_body_size 2m;
        limit_req zone=askers burst=20 nodelay;
        proxy_set_header X-Team $team;
        location = /healthz { access_log off; return 200 ok; }
        location /old/ { return 301 /new/; }
        location /api/ {
            proxy_pass http://blue/v1/;
            proxy_read_timeout 10m;
            client_max_body_size 20m;
            add_header X-Site $site;
        }
        location ~* ^/files/(?<name>.+)\\.pdf$ { proxy_pass http://blue; proxy_set_header X-File $1; deny 10.0.0.9; allow 10.0.0.0/8; deny all; }
        location /secret/ { auth_basic \"who?\"; auth_basic_user_file f; proxy_pass http://blue; }
        location / { proxy_pass http://blue; }
        location /lookahead/ { if ($http_x) { return 403; } proxy_pass http://blue; }
        location ~ ^/(?!x)y { return 204; }
    }
}
";

#[test]
fn locations_become_routes() {
    let (found, directives) = imported(&[("nginx.conf", ROUTES)], &Options::default());
    assert_eq!(found.report.len(), directives);
    let routes = &found.settings[found.settings.find("rate_limits:").unwrap()..];
    insta::assert_snapshot!(routes);
    for (directive, level) in [
        ("map $http_x_team", Level::Honored),
        ("limit_req zone=askers", Level::Different),
        ("server_name kb", Level::Honored),
        ("auth_basic who", Level::NotSupported),
        ("if (", Level::NotSupported),
        ("location ~ ^/(?!x)y", Level::NotSupported),
        ("return 444", Level::Honored),
        ("proxy_pass http://blue/v1/", Level::Honored),
    ] {
        assert_eq!(level_of(&found, directive), level, "{directive}");
    }
}
