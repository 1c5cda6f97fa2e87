//! Whose certificates are believed: the system's authorities, and one of the operator's beside them.

use std::path::Path;

use super::DeliverError;

/// Where systems keep their authorities: Debian and Alpine, Fedora, SUSE, the BSDs and macOS.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The system's authorities as PEM: what SSL_CERT_FILE names, or the first bundle that is there.
pub(super) fn of_the_system() -> Option<Vec<u8>> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
    match named {
        Some(path) => std::fs::read(path).ok(),
        None => BUNDLES.iter().find_map(|path| std::fs::read(path).ok()),
    }
}

/// The operator's own as PEM.
pub(super) fn of_file(path: &Path) -> Result<Vec<u8>, DeliverError> {
    let failed = |what: String| DeliverError::Authority { path: path.to_owned(), what };
    let pem = std::fs::read(path).map_err(|e| failed(format!("cannot be read: {e}")))?;
    let has_one = pem.windows(27).any(|window| window == b"-----BEGIN CERTIFICATE-----");
    if has_one { Ok(pem) } else { Err(failed("has no certificate in PEM".to_owned())) }
}
