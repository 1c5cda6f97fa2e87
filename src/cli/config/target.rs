//! `[[record.target]]`: what is scraped.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, de};

use super::values::Span;
use crate::ingest::scrape::address_of;
use crate::model::NodeName;
use crate::net::Address;

/// A target. Secrets are in files.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSection {
    /// Where.
    pub url: TargetUrl,
    /// Node of its samples; default the host.
    pub node: Option<TargetNode>,
    /// How often; default `record.interval`.
    pub interval: Option<Span>,
    /// How long it may take; default its interval, at most 10 s.
    pub timeout: Option<Span>,
    /// Who logs in, with the password of `password_file`.
    pub user: Option<String>,
    /// Where the password is.
    pub password_file: Option<PathBuf>,
    /// Where the token is that is sent instead.
    pub token_file: Option<PathBuf>,
    /// An authority beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// An address that can be scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetUrl(pub Address);

/// A node's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetNode(pub NodeName);

impl<'de> Deserialize<'de> for TargetUrl {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        address_of(&text).map(TargetUrl).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for TargetNode {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        NodeName::new(&text).map(TargetNode).map_err(de::Error::custom)
    }
}

impl TargetSection {
    /// One that is given by `[NODE=]URL` alone.
    pub fn parse(text: &str) -> Result<TargetSection, String> {
        let scheme = text.find("://").unwrap_or(text.len());
        let (node, url) = match text[..scheme].split_once('=') {
            Some((node, _)) => (Some(NodeName::new(node).map_err(|e| e.to_string())?), &text[node.len() + 1..]),
            None => (None, text),
        };
        let url = TargetUrl(address_of(url).map_err(|e| e.to_string())?);
        let (node, interval, timeout, user) = (node.map(TargetNode), None, None, None);
        Ok(TargetSection { url, node, interval, timeout, user, password_file: None, token_file: None, ca_file: None })
    }

    /// With paths from where the file lies.
    pub fn beside(mut self, directory: &Path) -> TargetSection {
        for file in [&mut self.password_file, &mut self.token_file, &mut self.ca_file] {
            *file = file.take().map(|file| directory.join(file));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_in_one_word() {
        let read = |text: &str| {
            TargetSection::parse(text)
                .map(|target| format!("{:?} {}", target.node.map(|node| node.0.to_string()), target.url.0))
        };
        assert_eq!(read("http://db-1:9100").unwrap(), "None http://db-1:9100/metrics");
        assert_eq!(read("db-1=https://[::1]:9100/m?x=y").unwrap(), "Some(\"db-1\") https://[::1]:9100/m?…");
        insta::assert_snapshot!(read("db-1:9100").unwrap_err(), @"`db-1:9100` is not an address: it begins with http:// or https://");
        insta::assert_snapshot!(read("=http://db-1").unwrap_err(), @"the node name is empty");
        insta::assert_snapshot!(read("a=file:///etc/passwd").unwrap_err(), @"`file:///etc/passwd` is not an address: give http://HOST[:PORT]/PATH, in ASCII");
    }
}
