//! Every socket the gateway listens on: bound here, or taken over from the gateway that ran before.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, UnixListener};

use crate::admin_socket::{self, SocketError, SocketFiles};
use crate::compose::StartError;
use crate::front_door::Listening;
use crate::handover::{self, Door, Listener, Taken};
use crate::settings::Settings;
use crate::tls::Certificates;

/// Connections that wait to be accepted.
const QUEUE: u32 = 4096;

/// The sockets of a gateway.
pub(crate) struct Sockets {
    /// The front door's addresses.
    pub doors: Vec<Listening>,
    pub certificates: Option<Arc<Certificates>>,
    pub admin: UnixListener,
    pub admin_http: Option<TcpListener>,
    /// Of the admin socket and of the one where a successor is waited for.
    pub files: SocketFiles,
    /// Where a successor is waited for.
    pub upgrade: PathBuf,
    /// Another handle of each, for a successor.
    pub for_successor: Vec<(Listener, OwnedFd)>,
}

impl Sockets {
    /// Binds the sockets of the settings, except those that have been taken over.
    ///
    /// # Errors
    /// When another gateway answers on the admin socket, or an address cannot be listened on.
    pub(crate) fn open(
        settings: &Settings,
        mut taken: Option<&mut Taken>,
    ) -> Result<Self, StartError> {
        let mut for_successor = Vec::new();
        // The socket tells fastest, and most clearly, that another gateway is running.
        let path = &settings.admin_socket;
        let name = handover::same_file(path).display().to_string();
        let admin = match take(&mut taken, Door::AdminSocket, &name) {
            Some(socket) => from_std(std::os::unix::net::UnixListener::from(socket), path)?,
            None => admin_socket::bind(path)?,
        };
        keep(&mut for_successor, Door::AdminSocket, &name, &admin)?;
        let mut doors = Vec::new();
        let mut certificates = None;
        if let Some(address) = settings.listen {
            let listener = listen(&mut taken, Door::Http, address)?;
            keep(&mut for_successor, Door::Http, address, &listener)?;
            doors.push(Listening { listener, tls: None });
        }
        if let Some(https) = &settings.https {
            let loaded = Certificates::load(&https.certificates)?;
            let acceptor = Arc::new(loaded.acceptor(https.min_version)?);
            let listener = listen(&mut taken, Door::Https, https.address)?;
            keep(&mut for_successor, Door::Https, https.address, &listener)?;
            doors.push(Listening { listener, tls: Some(acceptor) });
            certificates = Some(loaded);
        }
        let mut admin_http = None;
        if let Some(address) = settings.admin_http {
            let listener = listen(&mut taken, Door::AdminHttp, address)?;
            keep(&mut for_successor, Door::AdminHttp, address, &listener)?;
            let failed = |source| StartError::Listen { address, source };
            listener.set_nonblocking(true).map_err(failed)?;
            admin_http = Some(TcpListener::from_std(listener).map_err(failed)?);
        }
        for address in taken.iter().flat_map(|taken| taken.unused()) {
            tracing::warn!(address, "these settings do not listen there any more");
        }
        let upgrade = handover::place(path);
        let files =
            SocketFiles { files: vec![path.clone(), upgrade.clone()], ours: taken.is_none() };
        Ok(Self { doors, certificates, admin, admin_http, files, upgrade, for_successor })
    }

    /// Where the front door listens.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let addresses = self.doors.iter().filter_map(|door| door.listener.local_addr().ok());
        addresses.map(|address| address.to_string()).collect()
    }
}

fn take(taken: &mut Option<&mut Taken>, door: Door, setting: impl ToString) -> Option<OwnedFd> {
    taken.as_mut()?.socket(door, &setting.to_string())
}

fn keep(
    kept: &mut Vec<(Listener, OwnedFd)>,
    door: Door,
    setting: impl ToString,
    socket: &impl AsFd,
) -> Result<(), StartError> {
    let another = socket.as_fd().try_clone_to_owned().map_err(StartError::Duplicate)?;
    kept.push((Listener { door, setting: setting.to_string() }, another));
    Ok(())
}

fn from_std(
    listener: std::os::unix::net::UnixListener,
    path: &std::path::Path,
) -> Result<UnixListener, SocketError> {
    let failed = |error| SocketError::Failed(path.to_owned(), error);
    listener.set_nonblocking(true).map_err(failed)?;
    UnixListener::from_std(listener).map_err(failed)
}

/// Listens with a queue long enough for every client of a busy door to come at once.
fn listen(
    taken: &mut Option<&mut Taken>,
    door: Door,
    address: SocketAddr,
) -> Result<std::net::TcpListener, StartError> {
    if let Some(socket) = take(taken, door, address) {
        return Ok(std::net::TcpListener::from(socket));
    }
    let failed = |source| StartError::Listen { address, source };
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(failed)?;
    socket.set_reuseaddr(true).map_err(failed)?;
    socket.bind(address).map_err(failed)?;
    let listener = socket.listen(QUEUE).map_err(failed)?;
    listener.into_std().map_err(failed)
}
