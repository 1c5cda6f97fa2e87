//! `[source]` and `[record.forward]`: an engine that is asked, and one that everything is handed on to.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, de};

use super::super::error::CliError;
use crate::forward::ForwardTarget;
use crate::net::{Address, Login, NetError, Secret, Trust};
use crate::query::remote::{EngineAccess, Flavour};

/// `[source]`: what commands ask instead of the database. Secrets are in files.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceSection {
    /// What `/api/v1` is below of; a list where several have the same.
    pub url: Option<SourceUrls>,
    /// What it is, where it is not to be found out.
    pub flavour: Option<SourceFlavour>,
    /// Tenant, for `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// Who logs in, with the password of `password_file`.
    pub user: Option<String>,
    /// Where the password is.
    pub password_file: Option<PathBuf>,
    /// Where the token is that is sent instead.
    pub token_file: Option<PathBuf>,
    /// An authority beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// `[record.forward]`: an engine that takes remote write. Secrets are in files.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForwardSection {
    /// The address that takes it.
    pub url: Option<EngineUrl>,
    /// Tenant, for `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// Who logs in, with the password of `password_file`.
    pub user: Option<String>,
    /// Where the password is.
    pub password_file: Option<PathBuf>,
    /// Where the token is that is sent instead.
    pub token_file: Option<PathBuf>,
    /// An authority beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl ForwardSection {
    /// `self` where it says something, else `below`.
    pub fn over(self, below: ForwardSection) -> ForwardSection {
        ForwardSection {
            url: self.url.or(below.url),
            tenant: self.tenant.or(below.tenant),
            user: self.user.or(below.user),
            password_file: self.password_file.or(below.password_file),
            token_file: self.token_file.or(below.token_file),
            ca_file: self.ca_file.or(below.ca_file),
        }
    }

    /// With paths from where the file lies.
    pub fn beside(mut self, directory: &Path) -> ForwardSection {
        for file in [&mut self.password_file, &mut self.token_file, &mut self.ca_file] {
            *file = file.take().map(|file| directory.join(file));
        }
        self
    }

    /// Where and as whom samples are handed on; `None` where they are not.
    pub fn target(&self) -> Result<Option<ForwardTarget>, CliError> {
        let Some(EngineUrl(address)) = &self.url else { return Ok(None) };
        let keys = LoginKeys { user: &self.user, password_file: &self.password_file, token_file: &self.token_file };
        Ok(Some(ForwardTarget {
            address: address.clone(),
            login: keys.login("[record.forward]")?,
            trust: Trust::system(self.ca_file.as_deref())?,
            tenant: self.tenant.clone(),
        }))
    }
}

/// An address of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineUrl(pub Address);

/// The addresses of engines that have the same: a text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceUrls(pub Vec<Address>);

impl SourceUrls {
    /// Of at least one address; `None` of none.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Option<SourceUrls>, NetError> {
        let addresses: Vec<Address> = texts.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Ok((!addresses.is_empty()).then_some(SourceUrls(addresses)))
    }
}

impl<'de> Deserialize<'de> for SourceUrls {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "an address, or a list of addresses of engines that have the same")]
        enum Urls {
            One(String),
            Several(Vec<String>),
        }
        let urls = match Urls::deserialize(source)? {
            Urls::One(url) => vec![url],
            Urls::Several(urls) => urls,
        };
        let parsed = SourceUrls::parse(urls.iter().map(String::as_str)).map_err(de::Error::custom)?;
        parsed.ok_or_else(|| de::Error::custom("the list has no address"))
    }
}

/// A flavour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceFlavour(pub Flavour);

impl<'de> Deserialize<'de> for EngineUrl {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map(EngineUrl).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for SourceFlavour {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map(SourceFlavour).map_err(de::Error::custom)
    }
}

impl SourceSection {
    /// `self` where it says something, else `below`.
    pub fn over(self, below: SourceSection) -> SourceSection {
        SourceSection {
            url: self.url.or(below.url),
            flavour: self.flavour.or(below.flavour),
            tenant: self.tenant.or(below.tenant),
            user: self.user.or(below.user),
            password_file: self.password_file.or(below.password_file),
            token_file: self.token_file.or(below.token_file),
            ca_file: self.ca_file.or(below.ca_file),
        }
    }

    /// With paths from where the file lies.
    pub fn beside(mut self, directory: &Path) -> SourceSection {
        for file in [&mut self.password_file, &mut self.token_file, &mut self.ca_file] {
            *file = file.take().map(|file| directory.join(file));
        }
        self
    }

    /// Where and as whom is asked; `None` where the database is.
    pub fn access(&self) -> Result<Option<EngineAccess>, CliError> {
        let Some(SourceUrls(addresses)) = &self.url else { return Ok(None) };
        let keys = LoginKeys { user: &self.user, password_file: &self.password_file, token_file: &self.token_file };
        Ok(Some(EngineAccess {
            addresses: addresses.clone(),
            flavour: self.flavour.map_or(Flavour::Auto, |flavour| flavour.0),
            login: keys.login("[source]")?,
            trust: Trust::system(self.ca_file.as_deref())?,
            tenant: self.tenant.clone(),
        }))
    }
}

/// The keys that say who asks.
pub struct LoginKeys<'a> {
    /// Who logs in.
    pub user: &'a Option<String>,
    /// Where the password is.
    pub password_file: &'a Option<PathBuf>,
    /// Where the token is that is sent instead.
    pub token_file: &'a Option<PathBuf>,
}

impl LoginKeys<'_> {
    /// Reads the secret of `who`.
    pub fn login(&self, who: &str) -> Result<Option<Login>, CliError> {
        match (self.user, self.password_file, self.token_file) {
            (None, None, None) => Ok(None),
            (Some(user), Some(file), None) => {
                Ok(Some(Login::Basic { user: user.clone(), password: Secret::from_file(file)? }))
            }
            (None, None, Some(file)) => Ok(Some(Login::Bearer(Secret::from_file(file)?))),
            _ => Err(CliError::Usage(format!("{who} needs user and password_file, or token_file, or neither"))),
        }
    }
}
