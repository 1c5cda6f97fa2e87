use std::fmt;
use std::path::Path;

use super::NetError;
use super::small_file::read_small_text;

/// Most bytes of a secret: a long key with its comments.
const BYTES_MAX: u64 = 64 << 10;

/// A password, or an address that is one. It cannot be printed: neither by `{}` nor by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// From where it was given.
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// From a file that is its owner's alone. White space around it is not part of it.
    pub fn from_file(path: &Path) -> Result<Secret, NetError> {
        let refused = |what: &str| NetError::Secret { path: path.to_owned(), what: what.to_owned() };
        let meta = std::fs::metadata(path).map_err(|e| refused(&format!("cannot be read: {e}")))?;
        if !meta.is_file() {
            return Err(refused("is not a file"));
        }
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0 {
            return Err(refused("can be read by others than its owner: chmod 600 it"));
        }
        Self::read(path)
    }

    /// A credential that systemd has laid into the service's own directory, where access is its affair.
    pub fn from_credential(path: &Path) -> Result<Secret, NetError> {
        Self::read(path)
    }

    fn read(path: &Path) -> Result<Secret, NetError> {
        let refused = |what: String| NetError::Secret { path: path.to_owned(), what };
        let text = read_small_text(path, BYTES_MAX).map_err(|e| refused(format!("cannot be read: {e}")))?;
        match text.trim() {
            "" => Err(refused("is empty".to_owned())),
            secret => Ok(Secret(secret.to_owned())),
        }
    }

    /// The secret itself, for those who hand it over.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without the secret: a server may repeat what it was told.
    pub(crate) fn scrub(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_printed() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.scrub("535 wrong password hunter2"), "535 wrong password ***");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "hunter2\n").unwrap();
        let chmod = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        for mode in [0o644, 0o640, 0o602] {
            chmod(mode);
            let said = Secret::from_file(&path).unwrap_err().to_string();
            assert!(said.ends_with("can be read by others than its owner: chmod 600 it"), "{said}");
        }
        chmod(0o600);
        assert_eq!(Secret::from_file(&path).unwrap().expose(), "hunter2");
        std::fs::write(&path, " \n").unwrap();
        assert!(Secret::from_file(&path).is_err() && Secret::from_file(dir.path()).is_err());
        std::fs::write(&path, "x".repeat(BYTES_MAX as usize + 1)).unwrap();
        for said in [Secret::from_file(&path), Secret::from_credential(&path)] {
            let said = said.unwrap_err().to_string();
            assert!(
                said.ends_with("cannot be read: has more than 65536 bytes, the most that is read: give the right one"),
                "{said}"
            );
        }
    }
}
