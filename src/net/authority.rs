//! Whose certificates are believed: the system's authorities (Mozilla's on a system that has none), and one of the operator's beside them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::NetError;
use super::small_file::{CERTIFICATES_BYTES_MAX, read_small};

/// Where systems keep their authorities: Debian and Alpine, Fedora, SUSE, the BSDs and macOS.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The system's authorities as PEM: what SSL_CERT_FILE names, or the first bundle that is there.
fn of_the_system() -> Option<Vec<u8>> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
    let read = |path: &Path| read_small(path, CERTIFICATES_BYTES_MAX).ok();
    match named {
        Some(path) => read(Path::new(&path)),
        None => BUNDLES.iter().find_map(|path| read(Path::new(path))),
    }
}

/// The operator's own as PEM.
fn of_file(path: &Path) -> Result<Vec<u8>, NetError> {
    let failed = |what: String| NetError::Authority { path: path.to_owned(), what };
    let pem = read_small(path, CERTIFICATES_BYTES_MAX).map_err(|e| failed(format!("cannot be read: {e}")))?;
    let has_one = pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----");
    if has_one { Ok(pem) } else { Err(failed("has no certificate in PEM".to_owned())) }
}

/// Who is believed to be who they say. Made once, it is cheap to clone.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    /// The operator's own authorities, as they were read.
    own: Option<Arc<[u8]>>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

impl Trust {
    /// The system's authorities, and those of a file in PEM beside them.
    pub fn system(ca_file: Option<&Path>) -> Result<Trust, NetError> {
        let mut roots = RootCertStore::empty();
        match of_the_system() {
            // One that cannot be read there is nobody's mistake here.
            Some(pem) => drop(roots.add_parsable_certificates(certificates(&pem))),
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let mut own = None;
        if let Some(path) = ca_file {
            let failed = |e: &dyn fmt::Display| NetError::Authority { path: path.to_owned(), what: e.to_string() };
            let pem = of_file(path)?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(|e| failed(&e))?).map_err(|e| failed(&e))?;
            }
            own = Some(pem.into());
        }
        // ring knows both versions, so this does not fail.
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| NetError::Runtime(std::io::Error::other(e)))?;
        Ok(Trust { config: Arc::new(builder.with_root_certificates(roots).with_no_client_auth()), own })
    }

    /// Whether `other` has the same authorities of the operator's own; those of the system are not looked at.
    pub fn is_as(&self, other: &Trust) -> bool {
        self.own == other.own
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

fn certificates(pem: &[u8]) -> impl Iterator<Item = CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).filter_map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_not_taken_for_authorities() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(10 << 30).unwrap();
        let said = Trust::system(Some(file.path())).unwrap_err().to_string();
        assert!(
            said.ends_with("cannot be read: has more than 4194304 bytes, the most that is read: give the right one"),
            "{said}"
        );
    }
}
