//! What a client has to know.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::LiveError;
use crate::net::Secret;

/// Least length of a token: 128 bits take 22 characters of base64.
const TOKEN_CHARS_MIN: usize = 22;

/// What a client has to know. Only its hash is kept, so that it can be neither printed nor compared byte by byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Token {
    /// From a file that is its owner's alone. White space around it is not part of it.
    pub fn from_file(path: &Path) -> Result<Token, LiveError> {
        let secret = Secret::from_file(path)?;
        let token = secret.expose();
        if token.len() < TOKEN_CHARS_MIN || !token.bytes().all(|b| b.is_ascii_graphic()) {
            let what = format!(
                "holds no token: one line of at least {TOKEN_CHARS_MIN} letters, digits and signs, as `openssl rand -hex 16` makes it"
            );
            return Err(LiveError::Token { path: path.to_owned(), what });
        }
        Ok(Token(digest(token)))
    }

    /// Whether `given` is it; takes as long for any other text of that length.
    pub fn is(&self, given: &str) -> bool {
        let difference = self.0.iter().zip(digest(given)).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_long_private_and_never_printed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("0123456789abcdef0123456789abcdef\n", 0o600);
        let token = Token::from_file(&path).unwrap();
        assert!(token.is("0123456789abcdef0123456789abcdef"));
        assert!(!token.is("0123456789abcdef0123456789abcdeF") && !token.is(""));
        assert_eq!(format!("{token:?}"), "***");
        // What is no ASCII cannot stand in a header.
        for text in [
            "short",
            "0123456789abcdef 0123456789abcdef",
            "0123456789abcdef\n0123456789abcdef",
            "ü123456789abcdef0123456789",
        ] {
            write(text, 0o600);
            assert!(Token::from_file(&path).unwrap_err().to_string().contains("holds no token"));
        }
        write("0123456789abcdef0123456789abcdef", 0o640);
        assert!(Token::from_file(&path).unwrap_err().to_string().ends_with("chmod 600 it"));
    }
}
