//! The same keys from the environment: `NODEBOOK_RECORD_INTERVAL=5s` is `record.interval = "5s"`.

use super::error::{ConfigError, Place};
use super::file::Layer;
use super::keys;

/// What `lookup` (the environment, by name) says of every scalar key.
pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Layer, ConfigError> {
    keys::SCALARS.iter().try_fold(Layer::default(), |layer, key| {
        let variable = keys::variable(key);
        match lookup(&variable) {
            None => Ok(layer),
            Some(value) => {
                let line = format!("{key} = {}", toml_text(&value));
                Ok(Layer::parse(&line, |_| Place::Variable(variable.clone()))?.over(layer))
            }
        }
    })
}

/// A TOML string; JSON's escapes are TOML's but for DEL, which TOML wants escaped as well.
fn toml_text(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_keys() {
        let layer = read(|name| match name {
            "NODEBOOK_DB" => Some("a \"quoted\"\n\u{7f}.db".to_owned()),
            "NODEBOOK_RETENTION_1H" => Some("forever".to_owned()),
            _ => None,
        })
        .unwrap();
        assert_eq!(layer.db.unwrap().to_str(), Some("a \"quoted\"\n\u{7f}.db"));
        assert!(layer.retention.hourly.is_some() && layer.title.is_none());
    }

    #[test]
    fn a_wrong_value_names_its_variable() {
        let error = read(|name| (name == "NODEBOOK_TIMEZONE").then(|| "Mars".to_owned())).unwrap_err();
        insta::assert_snapshot!(error, @"$NODEBOOK_TIMEZONE: `Mars` is not a time zone such as Europe/Berlin or UTC");
    }
}
