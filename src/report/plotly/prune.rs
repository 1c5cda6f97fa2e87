//! plotly.js without the traces that no report draws.
//!
//! The `plotly` crate carries plotly.js whole: 4.65 MB, 1.2 CPU seconds of evaluation before the first plot. Its bundle is regular
//! enough to be pruned as text. It was made by esbuild: after a short prelude come about 1,200 statements
//! `var NAME=WRAPPER((…)=>{…});`, each one a module that runs when `NAME()` is first called; the last one is the entry, which
//! registers the trace types. So: cut the text at these statements, take the unwanted traces out of the registration, walk from the
//! entry along the calls, leave out the modules that are not reached.
//!
//! Every step errs on the side of keeping: a call that is really to something else of the same name keeps a module too many, and
//! never loses one. What is assumed of the text is checked, so that a new bundle stops the build instead of making a page that
//! does not draw; the way out is then to adapt this file, or to hand on the whole text.
//!
//! Used by the build script, and compiled into the library for its unit tests only.

use std::collections::{HashMap, HashSet};

/// The trace types a report draws. Scatter is part of plotly.js' core; it is listed so that its presence is checked.
const WANTED_TRACES: [&str; 3] = ["scatter", "bar", "heatmap"];

/// What the pruned text may weigh: less means that something needed was lost, more that pruning did not work.
const EXPECTED_BYTES: std::ops::RangeInclusive<usize> = 800_000..=1_300_000;

/// The bodies of esbuild's two module wrappers: CommonJS and ES modules. Their names are chosen anew in every bundle.
const WRAPPER_BODIES: [&str; 2] =
    ["=(e,t)=>()=>(t||e((t={exports:{}}).exports,t),t.exports)", "=(e,t)=>()=>(e&&(t=e(e=0)),t)"];

/// The pruned library.
pub struct Library {
    /// As its first lines say.
    pub version: String,
    /// Copyright and licence, from its first lines.
    pub licence: String,
    /// The script.
    pub text: String,
}

/// The text of plotly.js in the `plotly` crate's script elements: the first of them.
pub fn library(script_elements: &str) -> Result<&str, String> {
    let start = script_elements.find("/**\n* plotly.js v").ok_or("plotly.js does not start with its version line")?;
    let text = &script_elements[start..];
    let end = text.find("</script>").ok_or("the script element of plotly.js does not end")?;
    Ok(&text[..end])
}

/// Prunes plotly.js to the wanted traces.
pub fn prune(text: &str) -> Result<Library, String> {
    let (version, licence) = head_comment(text)?;
    let bundle = Bundle::split(text)?;
    let entry = bundle.entry_with_wanted_traces()?;
    let text = compiled_at_once(&bundle.reached_text(&entry))?;
    for trace in WANTED_TRACES {
        if !text.contains(&trace_mark(trace)) {
            return Err(format!("trace {trace} was lost"));
        }
    }
    if !EXPECTED_BYTES.contains(&text.len()) {
        return Err(format!("pruned plotly.js has {} bytes, expected are {EXPECTED_BYTES:?}", text.len()));
    }
    if text.contains("</script") || text.contains('\r') {
        return Err("plotly.js holds text that cannot stand in a script element".into());
    }
    Ok(Library { version, licence, text })
}

/// Version, and copyright with licence in one line, from the comment that plotly.js starts with.
fn head_comment(text: &str) -> Result<(String, String), String> {
    let end = text.find("*/").ok_or("plotly.js does not start with a comment")?;
    let lines: Vec<&str> = text[..end]
        .lines()
        .map(|line| line.trim_start_matches(['/', '*', ' ']))
        .filter(|line| !line.is_empty())
        .collect();
    let version = lines
        .first()
        .and_then(|line| line.strip_prefix("plotly.js v"))
        .ok_or("the first line of plotly.js does not name its version")?;
    if !lines.iter().any(|line| line.contains("MIT license")) {
        return Err("the first lines of plotly.js do not name the MIT license".into());
    }
    Ok((version.to_owned(), lines.join(". ").replace("..", ".")))
}

/// How a trace module says what it is.
fn trace_mark(trace: &str) -> String {
    format!("moduleType:\"trace\",name:\"{trace}\"")
}

/// One module, with whatever follows it up to the next one.
struct Piece<'a> {
    name: &'a str,
    text: &'a str,
}

impl Piece<'_> {
    /// Whether the piece is nothing but its module. Others also hold functions that ES modules share, so they always stay.
    fn is_module_only(&self) -> bool {
        self.text.ends_with("});")
    }
}

/// plotly.js, cut at its modules.
struct Bundle<'a> {
    prelude: &'a str,
    pieces: Vec<Piece<'a>>,
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Bundle<'a> {
    fn split(text: &'a str) -> Result<Self, String> {
        let mut cuts = Vec::new();
        for body in WRAPPER_BODIES {
            let wrapper = identifier_before(text, text.find(body).ok_or("a module wrapper of esbuild was not found")?);
            cuts.extend(module_statements(text, wrapper));
        }
        cuts.sort_unstable();
        let first = cuts.first().ok_or("no module was found")?.0;
        let ends = cuts.iter().skip(1).map(|cut| cut.0).chain([text.len()]);
        let pieces: Vec<Piece> =
            cuts.iter().zip(ends).map(|(&(start, name), end)| Piece { name, text: &text[start..end] }).collect();
        let by_name: HashMap<&str, usize> =
            pieces.iter().enumerate().map(|(index, piece)| (piece.name, index)).collect();
        if by_name.len() != pieces.len() {
            return Err("two modules have the same name".into());
        }
        Ok(Bundle { prelude: &text[..first], pieces, by_name })
    }

    fn entry(&self) -> &Piece<'a> {
        &self.pieces[self.pieces.len() - 1]
    }

    /// The text of the entry, registering only the wanted traces.
    fn entry_with_wanted_traces(&self) -> Result<String, String> {
        let text = self.entry().text;
        let call = ".register([";
        let mut calls = text.match_indices(call);
        let (Some((start, _)), None) = (calls.next(), calls.next()) else {
            return Err("the entry does not register its traces in one call".into());
        };
        let start = start + call.len();
        let end = start + text[start..].find(']').ok_or("the registration of traces does not end")?;
        let mut wanted = Vec::new();
        for item in text[start..end].split(',') {
            let name = item.strip_suffix("()").ok_or_else(|| format!("{item} is registered, but is no module"))?;
            if self.trace_of(name).is_some_and(|trace| WANTED_TRACES.contains(&trace)) {
                wanted.push(item);
            }
        }
        // All but scatter, which the core registers itself.
        if wanted.len() != WANTED_TRACES.len() - 1 {
            return Err(format!("{} of the wanted traces are registered: {wanted:?}", wanted.len()));
        }
        Ok(format!("{}{}{}", &text[..start], wanted.join(","), &text[end..]))
    }

    /// The trace type that a registered module is, or that it hands on (`lib/bar` is `traces/bar`).
    fn trace_of(&self, module: &str) -> Option<&'a str> {
        let mut module = module;
        for _ in 0..3 {
            let text = self.pieces[*self.by_name.get(module)?].text;
            if let Some((_, rest)) = text.split_once("moduleType:\"trace\",name:\"") {
                return rest.split('"').next();
            }
            module = text.split_once(".exports=")?.1.split_once("()")?.0;
        }
        None
    }

    /// What is reached from the given entry, in the order of the bundle.
    fn reached_text(&self, entry: &str) -> String {
        let last = self.pieces.len() - 1;
        let mut reached: HashSet<usize> =
            (0..self.pieces.len()).filter(|&index| index == last || !self.pieces[index].is_module_only()).collect();
        let mut to_read: Vec<&str> = vec![self.prelude, entry];
        to_read.extend(reached.iter().filter(|&&index| index != last).map(|&index| self.pieces[index].text));
        while let Some(text) = to_read.pop() {
            for name in calls_without_arguments(text) {
                if let Some(&index) = self.by_name.get(name)
                    && reached.insert(index)
                {
                    to_read.push(self.pieces[index].text);
                }
            }
        }
        let mut text = self.prelude.to_owned();
        for (index, piece) in self.pieces.iter().enumerate().take(last) {
            if reached.contains(&index) {
                text.push_str(piece.text);
            }
        }
        text + entry
    }
}

/// Puts the function that holds all of plotly.js in parentheses. To a JavaScript engine they say that it is called at once: it is then
/// compiled while it is read, not skimmed first and read again when it is called (a tenth of the CPU time to the first plot).
fn compiled_at_once(text: &str) -> Result<String, String> {
    let (start, end) = (" : this, () => {\n", "\nreturn Plotly;\n}));");
    let (before, rest) = text.split_once(start).ok_or("plotly.js is not one function")?;
    let body = rest.strip_suffix(end).ok_or("plotly.js does not end with its one function")?;
    Ok(format!("{before} : this, (() => {{\n{body}\nreturn Plotly;\n}})));"))
}

fn is_identifier_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

/// The identifier that ends at byte `end`; empty where there is none.
fn identifier_before(text: &str, end: usize) -> &str {
    let length = text.as_bytes()[..end].iter().rev().take_while(|&&byte| is_identifier_byte(byte)).count();
    &text[end - length..end]
}

/// Where `var NAME=WRAPPER(` statements start, and the NAMEs.
fn module_statements<'a>(text: &'a str, wrapper: &str) -> Vec<(usize, &'a str)> {
    let call = format!("={wrapper}(");
    text.match_indices(&call)
        .filter_map(|(at, _)| {
            let name = identifier_before(text, at);
            let start = at.checked_sub(name.len() + "var ".len())?;
            text[start..].starts_with("var ").then_some((start, name))
        })
        .collect()
}

/// The names of all calls `NAME()` in the text.
fn calls_without_arguments(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("()").map(|(at, _)| identifier_before(text, at)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = "/**\n* plotly.js v9.8.7\n* Copyright\n* All rights reserved.\n* Licensed under the MIT license\n*/\n\
        (function(root, factory) {factory()}(typeof self !== \"undefined\" ? self : this, () => {\n\
        var Plotly=(()=>{var L=(e,t)=>()=>(e&&(t=e(e=0)),t);var y=(e,t)=>()=>(t||e((t={exports:{}}).exports,t),t.exports);\
        var $a=y((e,t)=>{t.exports={moduleType:\"trace\",name:\"bar\",plot:Pl}});\
        var pie=y((e,t)=>{only();t.exports={moduleType:\"trace\",name:\"pie\"}});\
        var only=y((e,t)=>{t.exports=1});\
        var lib=y((e,t)=>{t.exports=$a()});\
        var es=L(()=>{shared()});function shared(){return deep()}\
        var deep=y((e,t)=>{t.exports=2});\
        var core=y((e,t)=>{t.exports={moduleType:\"trace\",name:\"scatter\"}});\
        var heat=y((e,t)=>{t.exports={moduleType:\"trace\",name:\"heatmap\"}});\
        var main=y((e,t)=>{var c=core();c.register([lib(),heat(),pie()]);t.exports=c});return main();})();\nreturn Plotly;\n}));";

    #[test]
    fn unwanted_traces_and_what_only_they_need_are_left_out() {
        let bundle = Bundle::split(BUNDLE).unwrap();
        let entry = bundle.entry_with_wanted_traces().unwrap();
        assert!(entry.contains(".register([lib(),heat()]);"), "{entry}");
        let text = bundle.reached_text(&entry);
        for kept in [
            "var $a=",
            "var lib=",
            "var es=",
            "function shared",
            "var deep=",
            "var core=",
            "var heat=",
            "return main();",
        ] {
            assert!(text.contains(kept), "{kept} is missing in {text}");
        }
        for dropped in ["var pie=", "var only="] {
            assert!(!text.contains(dropped), "{dropped} is still in {text}");
        }
    }

    #[test]
    fn version_and_licence_come_from_the_first_lines() {
        let (version, licence) = head_comment(BUNDLE).unwrap();
        assert_eq!(version, "9.8.7");
        assert_eq!(licence, "plotly.js v9.8.7. Copyright. All rights reserved. Licensed under the MIT license");
        assert!(head_comment("/* something else */").is_err());
    }

    #[test]
    fn a_bundle_of_another_make_is_refused_with_the_reason() {
        let reason = |text: &str| prune(text).err().unwrap();
        assert_eq!(reason("var a=1"), "plotly.js does not start with a comment");
        assert_eq!(reason(&BUNDLE.replace("var y=(e,t)", "var y=(t,e)")), "a module wrapper of esbuild was not found");
        assert_eq!(
            reason(&BUNDLE.replace("name:\"heatmap\"", "name:\"map\"")),
            "1 of the wanted traces are registered: [\"lib()\"]"
        );
        assert_eq!(
            reason(&BUNDLE.replace(".register([", ".add([")),
            "the entry does not register its traces in one call"
        );
        assert_eq!(reason(&BUNDLE.replace("this, () =>", "this, () => ()")), "plotly.js is not one function");
        assert_eq!(reason(&BUNDLE.replace("var deep=y", "var core=y")), "two modules have the same name");
        assert_eq!(reason(&BUNDLE.replace("name:\"scatter\"", "name:\"dots\"")), "trace scatter was lost");
        assert!(reason(BUNDLE).starts_with("pruned plotly.js has "), "{}", reason(BUNDLE));
    }

    #[test]
    fn only_calls_without_arguments_count() {
        let names: Vec<&str> = calls_without_arguments("a();b(1);c.$d();()=>e;f ()").collect();
        assert_eq!(names, ["a", "$d"]);
    }
}
