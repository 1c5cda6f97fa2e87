use std::fmt;
use std::str::FromStr;

use lettre::message::Mailbox;

use crate::deliver::DeliverError;

/// An address, perhaps with a name: `Ops <ops@example.org>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress(pub(super) Mailbox);

impl FromStr for MailAddress {
    type Err = DeliverError;

    fn from_str(text: &str) -> Result<MailAddress, DeliverError> {
        let wrong = || DeliverError::Address { text: text.chars().flat_map(char::escape_debug).take(80).collect() };
        if text.chars().any(char::is_control) {
            return Err(wrong());
        }
        text.parse().map(MailAddress).map_err(|_| wrong())
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.email)
    }
}

/// What is behind the `@`.
pub fn domain(address: &MailAddress) -> &str {
    address.0.email.domain()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_line() {
        assert_eq!("Ops <ops@example.org>".parse::<MailAddress>().unwrap().to_string(), "ops@example.org");
        assert_eq!(domain(&"a@b.example".parse().unwrap()), "b.example");
        for wrong in ["ops", "a@b\r\nBcc: c@d", "a@b.org, c@d.org", "", "<a@b.org>\0"] {
            assert!(wrong.parse::<MailAddress>().is_err(), "{wrong:?}");
        }
    }
}
