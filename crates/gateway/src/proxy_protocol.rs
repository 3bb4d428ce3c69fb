//! The PROXY protocol: a header in front of a connection's first byte that names the client, version 1 or 2.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>

use std::io;
use std::net::SocketAddr;

use ppp::{v1, v2};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The longest version 1 header, its line end included (section 2.1).
const LONGEST_V1: usize = 107;
/// What begins every version 2 header (section 2.2).
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Addresses and everything of use fit in far less.
const LONGEST_V2: usize = 4096;

/// Reads the header and nothing behind it. `None` when the proxy speaks for itself, as its health checks do.
///
/// # Errors
/// When the connection does not begin with a header, or names no address.
pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; V2_SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == V2_SIGNATURE {
        return read_v2(stream, header).await;
    }
    while !header.ends_with(b"\r\n") {
        if header.len() >= LONGEST_V1 {
            return Err(no_header());
        }
        header.push(stream.read_u8().await?);
    }
    let header = v1::Header::try_from(header.as_slice()).map_err(|_| no_header())?;
    Ok(match header.addresses {
        v1::Addresses::Tcp4(found) => Some((found.source_address, found.source_port).into()),
        v1::Addresses::Tcp6(found) => Some((found.source_address, found.source_port).into()),
        v1::Addresses::Unknown => None,
    })
}

async fn read_v2(stream: &mut TcpStream, mut header: Vec<u8>) -> io::Result<Option<SocketAddr>> {
    let mut rest = [0; 4];
    stream.read_exact(&mut rest).await?;
    header.extend_from_slice(&rest);
    let [_, _, high, low] = rest;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_V2 {
        return Err(no_header());
    }
    let fixed = header.len();
    header.resize(fixed + length, 0);
    stream.read_exact(header.get_mut(fixed..).unwrap_or_default()).await?;
    let header = v2::Header::try_from(header.as_slice()).map_err(|_| no_header())?;
    if header.command == v2::Command::Local {
        return Ok(None);
    }
    Ok(match header.addresses {
        v2::Addresses::IPv4(found) => Some((found.source_address, found.source_port).into()),
        v2::Addresses::IPv6(found) => Some((found.source_address, found.source_port).into()),
        v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
    })
}

fn no_header() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the connection does not begin with a PROXY header")
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn check(sent: &[u8]) -> io::Result<(Option<SocketAddr>, Vec<u8>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut client = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, _) = listener.accept().await?;
        client.write_all(sent).await?;
        drop(client);
        let named = read(&mut server).await?;
        let mut behind = Vec::new();
        server.read_to_end(&mut behind).await?;
        Ok((named, behind))
    }

    #[tokio::test]
    async fn both_versions_name_the_client_and_leave_what_is_behind() {
        let v1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 5555 80\r\nGET /".to_vec();
        let mut v2 = V2_SIGNATURE.to_vec();
        v2.extend_from_slice(&[0x21, 0x11, 0, 12, 192, 0, 2, 7, 10, 0, 0, 1, 0x15, 0xb3, 0, 80]);
        v2.extend_from_slice(b"GET /");
        for sent in [v1, v2] {
            let (named, behind) = check(&sent).await.unwrap();
            assert_eq!(named, Some("192.0.2.7:5555".parse().unwrap()));
            assert_eq!(behind, b"GET /");
        }
        let (named, _) = check(b"PROXY UNKNOWN\r\n").await.unwrap();
        assert_eq!(named, None);
    }

    #[tokio::test]
    async fn anything_else_is_an_error() {
        for sent in [&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], b"PROXY TCP4 nonsense\r\n", b"PRO"]
        {
            assert!(check(sent).await.is_err(), "{sent:?}");
        }
        let endless = [&b"PROXY TCP4 "[..], &[b'1'; 500]].concat();
        assert!(check(&endless).await.is_err());
    }
}
