//! A configuration of any bytes: it is read, or one line says what is wrong with it.

use proptest::prelude::*;

use super::error::Place;
use super::file::Layer;
use super::keys;

/// A configuration as a person may have spoilt it: keys of ours and not, in tables that fit and not, with values of every sort.
fn written() -> impl Strategy<Value = String> {
    let known = prop::sample::select(keys::everything());
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|x| format!("{x:?}")),
        any::<bool>().prop_map(|b| b.to_string()),
        "[a-z0-9:*/ %]{0,12}".prop_map(|text| format!("\"{text}\"")),
        any::<String>().prop_map(|text| format!("{text:?}")),
        Just("[]".to_owned()),
        Just("[\"a\", \"b\"]".to_owned()),
        Just("{ warn = 80, bad = 90 }".to_owned()),
        Just("{ light = \"#000000\", dark = \"#ffffff\" }".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        "[\\PC]{0,8}",
    ];
    let line = prop_oneof![
        8 => (known.clone(), value).prop_map(|(key, value)| {
            let leaf = key.rsplit('.').next().unwrap_or(key).trim_end_matches("[]");
            format!("{leaf} = {value}")
        }),
        2 => known.clone().prop_map(|key| format!("[{}]", key.trim_end_matches("[]").replace("[]", ""))),
        2 => known.prop_map(|key| format!("[[{}]]", key.trim_end_matches("[]").replace("[]", ""))),
        1 => "\\PC{0,20}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

fn is_read_or_told_in_a_line(text: &str) {
    let place = |offset: usize| Place::File { path: "nodebook.toml".into(), line: offset };
    if let Err(error) = Layer::parse(text, place) {
        let said = error.to_string();
        assert!(said.starts_with("nodebook.toml, line "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said:?} of {text:?}");
    }
}

proptest! {
    #[test]
    fn a_configuration_is_read_or_told_in_a_line(text in written()) {
        is_read_or_told_in_a_line(&text);
    }

    #[test]
    fn any_text_is_read_or_told_in_a_line(text in any::<String>()) {
        is_read_or_told_in_a_line(&text);
    }
}
