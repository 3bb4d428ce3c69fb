//! Pingora's proxy with nothing of ours in it, for `scripts/bench gateway`: what the library costs by itself.
//!
//! `pingora LISTEN UPSTREAM`, two socket addresses. It adds the four forwarding headers, as the other proxies do, and
//! runs on one thread with the allocator of `switchyard`.

use std::error::Error;
use std::net::SocketAddr;

use async_trait::async_trait;
use pingora::http::RequestHeader;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Forward {
    upstream: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Forward {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.upstream, false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        (): &mut (),
    ) -> pingora::Result<()> {
        let client = session.client_addr().and_then(|address| address.as_inet());
        let client = client.map(|address| address.ip().to_string()).unwrap_or_default();
        request.insert_header("x-real-ip", &client)?;
        request.insert_header("x-forwarded-for", &client)?;
        request.insert_header("x-forwarded-proto", "http")?;
        let host = session.get_header("host").cloned();
        host.map_or(Ok(()), |host| request.insert_header("x-forwarded-host", host))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, upstream] = arguments.as_slice() else {
        return Err("usage: pingora LISTEN UPSTREAM".into());
    };
    let forward = Forward { upstream: upstream.parse()? };
    let configuration =
        ServerConf { threads: 1, upstream_keepalive_pool_size: 64, ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, configuration);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, forward);
    service.add_tcp(listen);
    server.add_service(service);
    server.run_forever()
}
