//! TLS, where a certificate is given.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::LiveError;
use crate::net::{CERTIFICATES_BYTES_MAX, Secret, read_small};

/// Where certificate and key are, as PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its key: its owner's alone.
    pub key: PathBuf,
}

/// Reads both and finds out whether they belong together.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, LiveError> {
    let chain = certificates(&files.certificate)?;
    let text = Secret::from_file(&files.key)?;
    let secret = |what: String| LiveError::Certificate { path: files.key.clone(), what };
    let key = PrivateKeyDer::from_pem_slice(text.expose().as_bytes())
        .map_err(|e| secret(format!("holds no key in PEM: {e}")))?;
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| secret(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| secret(format!("is not the key of {}: {e}", files.certificate.display())))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LiveError> {
    let refused = |what: String| LiveError::Certificate { path: path.to_owned(), what };
    let pem = read_small(path, CERTIFICATES_BYTES_MAX).map_err(|e| refused(format!("cannot be read: {e}")))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|e| refused(format!("is no PEM: {e}")))?;
    if chain.is_empty() { Err(refused("has no certificate in PEM".to_owned())) } else { Ok(chain) }
}
