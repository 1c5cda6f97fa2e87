//! The page's script: the ES modules of `templates/report/app/` put together into one classic script.
//!
//! The modules are real ones, so that they can be tested one by one. A page has a single inline script, which the policy allows by
//! hash and which runs from `file://` (where modules cannot be imported); so the build joins the modules in a fixed order within
//! one function scope and takes `import` and `export` away. What this assumes of the modules is checked.
//!
//! Used by the build script, and compiled into the library for its unit tests only.

use std::collections::HashMap;

/// The modules, dependencies first.
pub const ORDER: [&str; 18] = [
    "payload.js",
    "columns.js",
    "format.js",
    "statistics.js",
    "text.js",
    "dataset.js",
    "filter.js",
    "theme.js",
    "library.js",
    "layout.js",
    "dragging.js",
    "figures.js",
    "charts.js",
    "tiles.js",
    "sorting.js",
    "csv.js",
    "filterbar.js",
    "app.js",
];

/// Joins the modules (file name, text) in [`ORDER`].
pub fn bundle(modules: &[(String, String)]) -> Result<String, String> {
    if let Some((name, _)) = modules.iter().find(|(name, _)| !ORDER.contains(&name.as_str())) {
        return Err(format!("{name} is not in the order of the page's modules"));
    }
    let mut owners: HashMap<&str, &str> = HashMap::new();
    let mut script = String::from("(() => {\n\"use strict\";\n");
    for wanted in ORDER {
        let (name, text) = modules
            .iter()
            .find(|(name, _)| name == wanted)
            .ok_or_else(|| format!("the page's module {wanted} is missing"))?;
        for declared in text.lines().filter_map(declared_name) {
            if let Some(other) = owners.insert(declared, name) {
                return Err(format!("{declared} is declared in {other} and in {name}: the modules share one scope"));
            }
        }
        append_module(&mut script, text).map_err(|reason| format!("{name}: {reason}"))?;
    }
    script.push_str("})();\n");
    // A script element ends at `</script`, and `<!--` changes how it is read.
    match ["</script", "<!--", "\r"].iter().find(|forbidden| script.contains(**forbidden)) {
        Some(forbidden) => Err(format!("{forbidden:?} cannot stand in a script element")),
        None => Ok(script),
    }
}

/// Adds a module without its imports, the word `export` and the lines that are only a comment.
fn append_module(script: &mut String, text: &str) -> Result<(), String> {
    let mut in_comment = false;
    for line in text.lines() {
        let code = line.trim();
        if in_comment || code.starts_with("/*") {
            in_comment = !code.ends_with("*/");
        } else if code.is_empty() || code.starts_with("//") {
        } else if line.starts_with("import ") {
            if !(line.contains(" from \"./") && line.ends_with("\";")) {
                return Err(format!("an import must be one line and relative: {line}"));
            }
        } else {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    Ok(())
}

/// The name that a line declares for the whole module: declarations start in the first column.
fn declared_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = ["function ", "const ", "let ", "class "].iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '$')).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(text: &str) -> Vec<(String, String)> {
        ORDER
            .iter()
            .map(|&name| (name.to_owned(), if name == "app.js" { text.to_owned() } else { String::new() }))
            .collect()
    }

    #[test]
    fn modules_become_one_script() {
        let text = "// why\nimport { a } from \"./a.js\";\n\n/** What. */\nexport function start() {\n  return a; // kept\n}\n";
        assert_eq!(
            bundle(&app(text)).unwrap(),
            "(() => {\n\"use strict\";\nfunction start() {\n  return a; // kept\n}\n})();\n"
        );
    }

    #[test]
    fn what_cannot_be_joined_is_refused() {
        let reason = |text: &str| bundle(&app(text)).unwrap_err();
        assert_eq!(reason("const end = '</script>';"), "\"</script\" cannot stand in a script element");
        assert_eq!(
            reason("const a = 1;\nexport async function a() {}"),
            "a is declared in app.js and in app.js: the modules share one scope"
        );
        assert_eq!(reason("import x from 'y';"), "app.js: an import must be one line and relative: import x from 'y';");
        assert_eq!(bundle(&[]).unwrap_err(), format!("the page's module {} is missing", ORDER[0]));
        let stray = [("stray.js".to_owned(), String::new())];
        assert_eq!(bundle(&stray).unwrap_err(), "stray.js is not in the order of the page's modules");
    }
}
