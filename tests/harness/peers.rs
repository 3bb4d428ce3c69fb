//! The proxies we are compared with, and our own, set up for the same work: one proxy thread, no access log,
//! kept connections to the workers, the four forwarding headers, nothing buffered.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::processes::{Process, eventually, program};

/// A running proxy in front of a blue and a green worker; blue is live.
pub struct Proxy {
    pub name: &'static str,
    pub address: SocketAddr,
    /// Where it takes HTTP/2 without TLS.
    pub http2: SocketAddr,
    pub process: Process,
    directory: TempDir,
    workers: [SocketAddr; 2],
    switch: fn(&Self, usize) -> Command,
}

impl Proxy {
    /// The whole command with which an operator makes slot 0 (blue) or 1 (green) live.
    pub fn switch_command(&self, slot: usize) -> Command {
        let mut command = (self.switch)(self, slot);
        command.current_dir(self.directory.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Switchyard.
    pub async fn switchyard(workers: [SocketAddr; 2]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let settings = format!(
            "listen: {{ http: \"{address}\" }}\nadmin: {{ socket: run/switchyard.sock }}\nstate: var/switchyard.db\n\
             slots:\n  blue: {{ workers: [\"{}\"] }}\n  green: {{ workers: [\"{}\"] }}\n\
             health: {{ interval: 1s, timeout: 2s, rise: 2, fall: 3 }}\naccess_log: false\nthreads: 1\nlimits: {{ connections: 12000 }}\n",
            workers[0], workers[1]
        );
        std::fs::write(directory.path().join("gateway.yaml"), settings).unwrap();
        let process = Process::start("switchyard", &["--config", "gateway.yaml"], directory.path());
        for slot in ["blue", "green"] {
            eventually("both slots are ready", Duration::from_secs(30), async || {
                let mut wait = Command::new(program("switchctl"));
                wait.args(["wait", slot, "--timeout", "20s"]).current_dir(directory.path());
                wait.output().is_ok_and(|output| output.status.success()).then_some(())
            })
            .await;
        }
        Self {
            name: "switchyard",
            address,
            http2: address,
            process,
            directory,
            workers,
            switch: |_, slot| {
                let mut command = Command::new(program("switchctl"));
                command.args(["promote", ["blue", "green"][slot], "--output", "json"]);
                command
            },
        }
    }

    /// Pingora alone, as `crates/gateway/examples/pingora.rs` has it, in front of one worker: it cannot switch.
    pub async fn pingora(workers: [SocketAddr; 2]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let mut command = Command::new(std::env::var("SWITCHYARD_PINGORA").unwrap());
        command.args([address, workers[0]].map(|address| address.to_string()));
        let process = Process::start_command("pingora", command, directory.path());
        listening(address).await;
        let switch = |_: &Self, _| unreachable!("Pingora alone does not switch");
        Self { name: "Pingora alone", address, http2: address, process, directory, workers, switch }
    }

    /// nginx: the upstream file is rewritten and nginx reloaded.
    pub async fn nginx(workers: [SocketAddr; 2]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (address, http2) = (free_address(), free_address());
        let folder = directory.path().display();
        let configuration = format!(
            "daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr error;\n\
             events {{ worker_connections 24000; }}\nhttp {{\n  access_log off;\n  keepalive_requests 1000000;\n\
             client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n  fastcgi_temp_path {folder}/f;\n\
             uwsgi_temp_path {folder}/u;\n  scgi_temp_path {folder}/s;\n\
             upstream live {{ include {folder}/live.conf; keepalive 64; keepalive_requests 1000000; }}\n\
             server {{ listen {address} backlog=1024; listen {http2} http2; location / {{\n    proxy_pass http://live;\n    proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\";\n    proxy_set_header Host $host;\n\
             proxy_set_header X-Real-IP $remote_addr;\n    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
             proxy_set_header X-Forwarded-Proto $scheme;\n    proxy_buffering off;\n  }} }}\n}}\n"
        );
        std::fs::write(directory.path().join("nginx.conf"), configuration).unwrap();
        std::fs::write(directory.path().join("live.conf"), format!("server {};\n", workers[0]))
            .unwrap();
        let mut command = Command::new(installed("nginx", &["/usr/sbin/nginx"]));
        command.arg("-c").arg(directory.path().join("nginx.conf")).arg("-p").arg(directory.path());
        let process = Process::start_command("nginx", command, directory.path());
        listening(address).await;
        Self {
            name: "nginx",
            address,
            http2,
            process,
            directory,
            workers,
            switch: |proxy, slot| {
                let mut command = Command::new("sh");
                let folder = proxy.directory.path().display();
                command.arg("-c").arg(format!(
                    "printf 'server {};\\n' > live.next && mv live.next live.conf && {} -s reload -c {folder}/nginx.conf -p {folder}",
                    proxy.workers[slot],
                    installed("nginx", &["/usr/sbin/nginx"])
                ));
                command.stderr(Stdio::null());
                command
            },
        }
    }

    /// HAProxy: a runtime map is changed through its admin socket.
    pub async fn haproxy(workers: [SocketAddr; 2]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (address, http2) = (free_address(), free_address());
        let folder = directory.path().display();
        let configuration = format!(
            "global\n  stats socket {folder}/admin.sock mode 600 level admin\n  nbthread 1\n  maxconn 9960\n  fd-hard-limit 20000\n\
             defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n\
             option forwardfor\n  option http-no-delay\n\
             frontend door\n  bind {address}\n  bind {http2} proto h2\n  http-request set-header X-Real-IP %[src]\n  http-request set-header X-Forwarded-Proto http\n\
               use_backend %[str(live),map_str({folder}/live.map,blue)]\n\
             backend blue\n  server worker {}\nbackend green\n  server worker {}\n",
            workers[0], workers[1]
        );
        std::fs::write(directory.path().join("haproxy.cfg"), configuration).unwrap();
        std::fs::write(directory.path().join("live.map"), "live blue\n").unwrap();
        let mut command = Command::new(installed("haproxy", &["/usr/sbin/haproxy"]));
        command.arg("-db").arg("-f").arg(directory.path().join("haproxy.cfg"));
        let process = Process::start_command("haproxy", command, directory.path());
        listening(address).await;
        Self {
            name: "haproxy",
            address,
            http2,
            process,
            directory,
            workers,
            switch: |proxy, slot| {
                let folder = proxy.directory.path().display();
                let mut command = Command::new("sh");
                command.arg("-c").arg(format!(
                    "printf 'set map {folder}/live.map live {}\\n' | socat - UNIX-CONNECT:{folder}/admin.sock",
                    ["blue", "green"][slot]
                ));
                command
            },
        }
    }
}

/// The path of an installed peer, or a panic that says how to get it.
pub fn installed(name: &str, elsewhere: &[&str]) -> String {
    let found = std::env::var_os("PATH").and_then(|paths| {
        std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.exists())
    });
    found
        .map(|path| path.display().to_string())
        .or_else(|| {
            elsewhere.iter().find(|path| Path::new(path).exists()).map(|&path| path.to_owned())
        })
        .unwrap_or_else(|| panic!("{name} is not installed: scripts/system-packages bench"))
}

/// An address nobody listens on at this moment.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until somebody listens.
pub async fn listening(address: SocketAddr) {
    eventually("the proxy listens", Duration::from_secs(20), async || {
        tokio::net::TcpStream::connect(address).await.ok().map(drop)
    })
    .await;
}
