//! Pages of any names: a name is text and nothing else, so a page has as many tags and attributes as the same page of plain names.

use proptest::prelude::*;

use super::model::Model;
use super::model::sample::{empty, frame};
use super::{View, html};

/// Signs that mean something somewhere: in HTML, attributes, scripts, CSS, plotly, JSON, formulas, terminals, right to left.
fn name() -> impl Strategy<Value = String> {
    let sign = prop_oneof![
        4 => prop::sample::select("<>&\"'`/\\=;:{}()[]$%#@+-*!?|~^,. \n\r\t\u{1b}\u{7f}\u{85}\u{2028}\u{2029}\u{202e}\u{feff}".chars().collect::<Vec<_>>())
            .prop_map(String::from),
        2 => "[a-z0-9]{1,3}",
        1 => any::<char>().prop_filter("no name has NUL", |sign| *sign != '\0').prop_map(String::from),
        1 => prop::sample::select(vec![
            "</script>", "<!--", "-->", "]]>", "<img src=x onerror=alert(1)>", "javascript:", "&lt;", "&#60;", "__proto__", "constructor", "${x}", "{{x}}",
            "</style>", "</svg>", "</title>", "<b>", "$x$", "\\u003c", " onload=x ",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(sign, 1..12).prop_map(|signs| signs.concat())
}

/// A page in which everything that has a name has these: two nodes, a part, a metric, the title, the file, an event.
fn page(names: &[String; 6]) -> String {
    let [a, b, part, metric, title, text] = names;
    let mut model: Model = empty(&[a, b], 3, 1_000);
    let values = || vec![1.0, 9.0, 2.0];
    model.frames = vec![
        frame(&model, "cpu_percent", vec![(a.as_str(), "", values()), (b.as_str(), "", values())]),
        frame(&model, "disk_percent", vec![(a.as_str(), part.as_str(), values())]),
        frame(&model, metric, vec![(b.as_str(), "", values())]),
    ];
    model.options.title = Some(title.clone());
    model.options.command = title.clone();
    model.origin.name = title.clone();
    model.unshown = vec![(metric.clone(), 1)];
    let range = model.options.range;
    let event = crate::model::Annotation { at: range.from(), until: None, nodes: Some(a.clone()), text: text.clone() };
    model.events = vec![event];
    html(&View::of(&model)).unwrap()
}

/// Tags, and values of attributes, as a browser sees them; of a script its `<`.
fn counted(page: &str) -> (usize, usize) {
    let (mut tags, mut values, mut rest) = (0, 0, page);
    while let Some(at) = rest.find('<') {
        tags += 1;
        let is_script = rest[at..].starts_with("<script");
        let mut quoted = false;
        let end = rest[at..].bytes().position(|byte| {
            quoted ^= byte == b'"';
            values += usize::from(byte == b'"' && quoted);
            byte == b'>' && !quoted
        });
        rest = &rest[at + end.expect("a tag ends")..];
        if is_script {
            let (script, after) = rest.split_once("</script>").expect("a script ends");
            tags += script.matches('<').count();
            rest = after;
        }
    }
    (tags, values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_name_is_text_and_nothing_else(
        a in name(), b in name(), part in name(), metric in name(), title in name(), text in name()
    ) {
        // A plain name of as many letters, in the same order of names, is shortened and sorted alike.
        let plain = |sign: char, name: &str| sign.to_string().repeat(name.chars().count());
        let names = [format!("a{a}"), format!("b{b}"), format!("p{part}"), format!("m{metric}"), format!("t{title}"), format!("e{text}")];
        let plainly = ["a", "b", "p", "m", "t", "e"].map(|s| s.to_owned());
        let plainly: Vec<String> = plainly.iter().zip(&names).map(|(s, name)| plain(s.chars().next().unwrap(), name)).collect();
        let hostile = page(&names);
        let harmless = page(&plainly.try_into().unwrap());
        prop_assert_eq!(counted(&hostile), counted(&harmless), "{:?}", names);
        prop_assert!(!hostile.contains(super::escape::TURNS), "{:?}", names);
    }
}
