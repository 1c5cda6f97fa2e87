//! `[serve]`: where is listened, and who may ask.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// `[serve]`: of `serve`, and of what `record --listen` answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSection {
    /// `HOST:PORT`, or a port.
    pub listen: Option<String>,
    /// Names that are answered to.
    pub hosts: Option<Vec<String>>,
    /// File with the token that clients need.
    pub token_file: Option<PathBuf>,
    /// File with the certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// File with its key, PEM.
    pub key: Option<PathBuf>,
}

impl ServeSection {
    /// With paths from where the file lies.
    pub fn beside(self, directory: &Path) -> ServeSection {
        let place = |path: Option<PathBuf>| path.map(|path| directory.join(path));
        ServeSection {
            token_file: place(self.token_file),
            certificate: place(self.certificate),
            key: place(self.key),
            ..self
        }
    }

    /// `self` where it says something, else `below`.
    pub fn over(self, below: ServeSection) -> ServeSection {
        ServeSection {
            listen: self.listen.or(below.listen),
            hosts: self.hosts.or(below.hosts),
            token_file: self.token_file.or(below.token_file),
            certificate: self.certificate.or(below.certificate),
            key: self.key.or(below.key),
        }
    }
}
