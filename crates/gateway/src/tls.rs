//! Certificates: read from files, chosen by the name the client asks for, and replaced while the gateway runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use pingora::listeners::tls::Acceptor;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};

use crate::settings::{CertificateFiles, TlsVersion};

/// Why a certificate cannot be used. Names the file.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("reading {}", file.display())]
    Read { file: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    #[error("{} and {} cannot be used together", certificate.display(), key.display())]
    Unusable { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("setting up TLS")]
    Setup(#[source] rustls::Error),
}

impl CertificateError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } => "it must exist, be readable for this user, and be PEM".to_owned(),
            Self::Empty(_) => "put the chain there, the server's own certificate first".to_owned(),
            Self::Unusable { .. } => {
                "the key must belong to the first certificate of the chain".to_owned()
            }
            Self::Setup(_) => "try `min_version: \"1.2\"`".to_owned(),
        }
    }
}

/// The certificates in use.
#[derive(Debug)]
pub(crate) struct Certificates {
    provider: Arc<CryptoProvider>,
    current: ArcSwap<Vec<Arc<CertifiedKey>>>,
}

/// Certificates that were read and can be used.
pub(crate) struct Read(Vec<Arc<CertifiedKey>>);

impl Certificates {
    /// # Errors
    /// [`CertificateError`] for the first certificate that cannot be used.
    pub(crate) fn load(files: &[CertificateFiles]) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let current = read_all(files, &provider)?;
        Ok(Arc::new(Self { provider, current: ArcSwap::from_pointee(current) }))
    }

    /// Reads files, changing nothing yet.
    ///
    /// # Errors
    /// [`CertificateError`] for the first certificate that cannot be used.
    pub(crate) fn read(&self, files: &[CertificateFiles]) -> Result<Read, CertificateError> {
        read_all(files, &self.provider).map(Read)
    }

    /// New connections get these from now on.
    pub(crate) fn replace(&self, read: Read) {
        self.current.store(Arc::new(read.0));
    }

    /// What shakes hands with clients: HTTP/2 and HTTP/1.1, from `min_version` on.
    ///
    /// # Errors
    /// [`CertificateError::Setup`] when no common version is left.
    pub(crate) fn acceptor(
        self: &Arc<Self>,
        min_version: TlsVersion,
    ) -> Result<Acceptor, CertificateError> {
        let versions: &[_] = match min_version {
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
            TlsVersion::V1_3 => &[&TLS13],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)
            .map_err(CertificateError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Acceptor::from_server_config(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        let named = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let found = named.and_then(|name| current.iter().find(|key| is_for(key, &name)));
        found.or_else(|| current.first()).cloned()
    }
}

fn is_for(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let certificate = key.end_entity_cert().ok();
    certificate
        .and_then(|certificate| ParsedCertificate::try_from(certificate).ok())
        .is_some_and(|certificate| rustls::client::verify_server_name(&certificate, name).is_ok())
}

fn read_all(
    files: &[CertificateFiles],
    provider: &CryptoProvider,
) -> Result<Vec<Arc<CertifiedKey>>, CertificateError> {
    files.iter().map(|pair| read(pair, provider).map(Arc::new)).collect()
}

fn read(
    files: &CertificateFiles,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CertificateError> {
    let CertificateFiles { certificate, key } = files;
    let failed = |file: &Path| {
        let file = file.to_owned();
        move |source| CertificateError::Read { file, source }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .map_err(failed(certificate))?
        .collect::<Result<_, _>>()
        .map_err(failed(certificate))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty(certificate.clone()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(failed(key))?;
    CertifiedKey::from_der(chain, private, provider).map_err(|source| CertificateError::Unusable {
        certificate: certificate.clone(),
        key: key.clone(),
        source,
    })
}
