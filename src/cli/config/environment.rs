//! The same keys from the environment: `NODEBOOK_RECORD_INTERVAL=5s` is `record.interval = "5s"`.

use std::ffi::OsString;

use super::error::{ConfigError, Place};
use super::file::Layer;
use super::keys;

/// Names the configuration file; it is a setting of its own.
pub const CONFIG: &str = "NODEBOOK_CONFIG";

/// The password of `mail.user`: a secret, and so not a setting that is kept, shown or handed on.
pub const MAIL_PASSWORD: &str = "NODEBOOK_MAIL_PASSWORD";

/// What `variables` (the whole environment) say of the keys. One of no bytes says nothing.
pub fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Layer, ConfigError> {
    let ours = variables.into_iter().filter_map(|(name, value)| {
        let name = name
            .into_string()
            .ok()
            .filter(|name| name.starts_with("NODEBOOK_") && name != CONFIG && name != MAIL_PASSWORD)?;
        (!value.is_empty()).then_some((name, value))
    });
    ours.into_iter().try_fold(Layer::default(), |layer, (name, value)| {
        let Some(key) = keys::SCALARS.iter().find(|key| keys::variable(key) == name) else {
            return match keys::nearest_variable(&name) {
                Some(nearest) => Err(ConfigError::UnknownVariable { name, nearest }),
                None => Ok(layer),
            };
        };
        let place = Place::Variable(name);
        let Some(value) = value.to_str() else {
            return Err(ConfigError::Value { place, reason: "its value is not UTF-8".to_owned() });
        };
        let line = format!("{key} = {}", toml_text(value));
        Ok(Layer::parse(&line, |_| place.clone())?.over(layer))
    })
}

/// A TOML string; JSON's escapes are TOML's but for DEL, which TOML wants escaped as well.
fn toml_text(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str) -> (OsString, OsString) {
        (name.into(), value.into())
    }

    #[test]
    fn variables_are_keys() {
        let layer = read([
            variable("NODEBOOK_DB", "a \"quoted\"\n\u{7f}.db"),
            variable("NODEBOOK_RETENTION_1H", "forever"),
            variable("NODEBOOK_TITLE", ""),
            variable("NODEBOOK_PORT", "tcp://10.0.0.1:80"),
            variable("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(layer.db.unwrap().to_str(), Some("a \"quoted\"\n\u{7f}.db"));
        assert!(layer.retention.hourly.is_some() && layer.title.is_none());
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        let error = read([variable("NODEBOOK_TIMEZONE", "Mars")]).unwrap_err();
        insta::assert_snapshot!(error, @"$NODEBOOK_TIMEZONE: `Mars` is not a time zone such as Europe/Berlin or UTC");
    }

    #[test]
    fn an_unknown_one_names_the_nearest() {
        let error = read([variable("NODEBOOK_RECORD_INTERVL", "1s")]).unwrap_err();
        insta::assert_snapshot!(error, @"$NODEBOOK_RECORD_INTERVL: no such setting; did you mean $NODEBOOK_RECORD_INTERVAL?");
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_never_passed_over() {
        let value = std::os::unix::ffi::OsStringExt::from_vec(b"caf\xe9.db".to_vec());
        let error = read([("NODEBOOK_DB".into(), value)]).unwrap_err();
        insta::assert_snapshot!(error, @"$NODEBOOK_DB: its value is not UTF-8");
    }
}
