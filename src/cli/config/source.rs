//! `[source]` and `[record.forward]`: an engine that is asked, and those that everything is handed on to.

use std::fmt;
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

/// One engine of `[record.forward]`: it takes remote write. Secrets are in files.
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

/// `[record.forward]`, or several as `[[record.forward]]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForwardSections(Vec<ForwardSection>);

impl<'de> Deserialize<'de> for ForwardSections {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;
        impl<'de> de::Visitor<'de> for OneOrSeveral {
            type Value = ForwardSections;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[record.forward], or [[record.forward]] for several engines")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ForwardSections, A::Error> {
                let one = ForwardSection::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(ForwardSections(vec![one]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<ForwardSections, A::Error> {
                Deserialize::deserialize(de::value::SeqAccessDeserializer::new(list)).map(ForwardSections)
            }
        }
        source.deserialize_any(OneOrSeveral)
    }
}

impl ForwardSections {
    /// `self` where it says something, else `below`. One that names no engine says it of all of those below, and one that does is in the place of several.
    pub fn over(self, below: ForwardSections) -> ForwardSections {
        match (self.0.as_slice(), below.0.len()) {
            ([], _) => below,
            ([one], 1..) if one.url.is_none() || below.0.len() == 1 => {
                ForwardSections(below.0.into_iter().map(|below| one.clone().over(below)).collect())
            }
            _ => self,
        }
    }

    /// With paths from where the file lies.
    pub fn beside(self, directory: &Path) -> ForwardSections {
        ForwardSections(self.0.into_iter().map(|section| section.beside(directory)).collect())
    }

    /// Where and as whom samples are handed on; nowhere where nothing is said of it.
    pub fn targets(&self) -> Result<Vec<ForwardTarget>, CliError> {
        let mut targets: Vec<ForwardTarget> = Vec::new();
        for section in self.0.iter().filter(|section| **section != ForwardSection::default()) {
            let target = section.target()?;
            if targets.iter().any(|other| other.key() == target.key()) {
                return Err(CliError::Usage(format!(
                    "[[record.forward]] names {} twice: engines are told apart by the address, but for what follows a `?`, and by the tenant, not by who logs in: leave one out, or give it a tenant or another name of its host",
                    target.key()
                )));
            }
            targets.push(target);
        }
        Ok(targets)
    }
}

impl ForwardSection {
    /// `self` where it says something, else `below`: of another server nothing that `below` shows to its own.
    fn over(self, below: ForwardSection) -> ForwardSection {
        let leads = |url: &Option<EngineUrl>| url.iter().map(|url| url.0.clone()).collect::<Vec<_>>();
        let below = if lead_elsewhere(&leads(&self.url), &leads(&below.url)) {
            ForwardSection { url: below.url, ..ForwardSection::default() }
        } else {
            below
        };
        ForwardSection {
            url: self.url.or(below.url),
            tenant: self.tenant.or(below.tenant),
            user: self.user.or(below.user),
            password_file: self.password_file.or(below.password_file),
            token_file: self.token_file.or(below.token_file),
            ca_file: self.ca_file.or(below.ca_file),
        }
    }

    fn beside(mut self, directory: &Path) -> ForwardSection {
        for file in [&mut self.password_file, &mut self.token_file, &mut self.ca_file] {
            *file = file.take().map(|file| directory.join(file));
        }
        self
    }

    fn target(&self) -> Result<ForwardTarget, CliError> {
        let Some(EngineUrl(address)) = &self.url else {
            return Err(CliError::Usage("[record.forward] names no engine: give its url".to_owned()));
        };
        let keys = LoginKeys { user: &self.user, password_file: &self.password_file, token_file: &self.token_file };
        Ok(ForwardTarget {
            address: address.clone(),
            login: keys.login("[record.forward]")?,
            trust: Trust::system(self.ca_file.as_deref())?,
            tenant: self.tenant.clone(),
        })
    }
}

/// Whether one of the addresses leads to a server that none of those below is. A login says nothing of where it belongs but by the address beside it.
fn lead_elsewhere(above: &[Address], below: &[Address]) -> bool {
    !below.is_empty() && above.iter().any(|url| !below.iter().any(|known| known.same_origin(url)))
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
    /// `self` where it says something, else `below`: of another server nothing that `below` shows to its own.
    pub fn over(self, below: SourceSection) -> SourceSection {
        let lead = |urls: &Option<SourceUrls>| urls.iter().flat_map(|urls| urls.0.clone()).collect::<Vec<_>>();
        let below = if lead_elsewhere(&lead(&self.url), &lead(&below.url)) {
            SourceSection { url: below.url, flavour: below.flavour, ..SourceSection::default() }
        } else {
            below
        };
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

#[cfg(test)]
mod tests {
    use super::super::error::Place;
    use super::super::file::Layer;
    use super::*;

    fn sections(text: &str) -> ForwardSections {
        Layer::parse(text, |_| Place::Variable("X".to_owned())).unwrap().record.forward
    }

    fn told(sections: &ForwardSections) -> Vec<String> {
        sections.targets().unwrap().iter().map(|target| target.key().to_string()).collect()
    }

    #[test]
    fn samples_are_handed_on_to_one_engine_or_to_several() {
        let two = "[[record.forward]]\nurl = 'http://a/w'\n[[record.forward]]\nurl = 'http://b/w'\ntenant = 't'";
        assert_eq!(told(&sections(two)), ["http://a/w", "http://b/w (tenant t)"]);
        assert_eq!(told(&sections("[record.forward]\nurl = 'http://a/w'")), ["http://a/w"]);
        assert_eq!(told(&sections("record.forward = []")), [""; 0]);
        // The environment names one engine in the place of several, or says something of all of them.
        let over = |above: &str| told(&sections(above).over(sections(two)));
        assert_eq!(over("record.forward.url = 'http://c/w'"), ["http://c/w"]);
        assert_eq!(over("record.forward.tenant = 'u'"), ["http://a/w (tenant u)", "http://b/w (tenant u)"]);
        assert_eq!(over(""), ["http://a/w", "http://b/w (tenant t)"]);
        let one = sections("record.forward.tenant = 'u'").over(sections("record.forward.url = 'http://a/w'"));
        assert_eq!(told(&one), ["http://a/w (tenant u)"]);
    }

    #[test]
    fn a_login_is_not_told_to_another_server() {
        let layer = |text: &str| Layer::parse(text, |_| Place::Variable("X".to_owned())).unwrap();
        let keys = "tenant = 't'\nuser = 'ops'\npassword_file = 'pw'\nca_file = 'ca.pem'\n";
        let file =
            format!("[source]\nurl = ['http://a/p', 'http://b']\n{keys}[record.forward]\nurl = 'http://a/w'\n{keys}");
        let over = |above: &str| layer(above).over(layer(&file));
        let source = |url: &str| {
            let SourceSection { tenant, user, password_file, ca_file, .. } =
                over(&format!("source.url = {url}")).source;
            [tenant, user]
                .into_iter()
                .chain([password_file, ca_file].map(|f| f.map(|f| f.display().to_string())))
                .flatten()
                .count()
        };
        assert_eq!([source("'http://c'"), source("'https://a'"), source("['http://a', 'http://c']")], [0; 3]);
        assert_eq!([source("'http://b/p'"), source("['http://b', 'http://a']")], [4; 2]);
        let forward = |above: &str| over(above).record.forward.0.remove(0);
        let elsewhere = forward("record.forward.url = 'http://a:8428/w'");
        assert_eq!(elsewhere, ForwardSection { url: elsewhere.url.clone(), ..ForwardSection::default() });
        assert_eq!(forward("record.forward.url = 'http://a/v'").user.as_deref(), Some("ops"));
        assert_eq!(forward("record.forward.tenant = 'u'").user.as_deref(), Some("ops"));
        // The file may leave the address to the environment.
        let keys = layer(&format!("[record.forward]\n{keys}"));
        let named = layer("record.forward.url = 'http://c/w'").over(keys).record.forward.0.remove(0);
        assert_eq!(named.user.as_deref(), Some("ops"));
    }

    #[test]
    fn what_is_wrong_with_one_of_them_is_said() {
        let say = |text: &str| Layer::parse(text, |_| Place::Variable("X".to_owned())).unwrap_err().to_string();
        insta::assert_snapshot!(say("record.forward = 5"), @"$X: invalid type: integer `5`, expected [record.forward], or [[record.forward]] for several engines");
        insta::assert_snapshot!(say("[[record.forward]]\nurl = 'x'"), @"$X: `x` is not an address: it begins with http:// or https://");
        insta::assert_snapshot!(say("[[record.forward]]\nurll = 'x'"), @"$X: unknown key `record.forward[].urll`; did you mean `record.forward[].url`?");
        let twice = "url = 'http://a/w'\n";
        let twice = sections(&format!("[[record.forward]]\n{twice}[[record.forward]]\n{twice}")).targets();
        insta::assert_snapshot!(twice.unwrap_err(), @"[[record.forward]] names http://a/w twice: engines are told apart by the address, but for what follows a `?`, and by the tenant, not by who logs in: leave one out, or give it a tenant or another name of its host");
    }
}
