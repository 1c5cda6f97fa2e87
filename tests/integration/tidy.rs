//! The walls of the house (see the crate's documentation): which floor may know what, and what is never there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of ours, with its path from the top.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The floor it belongs to: the first directory (or file) under `src`.
    fn floor(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        Some(inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs"))
    }

    fn is_in(&self, rooms: &[&str]) -> bool {
        rooms.iter().any(|room| self.path.starts_with(room))
    }

    /// Lines of code with their numbers, without comments and without what is compiled for tests only.
    fn code(&self) -> Vec<(usize, &str)> {
        let mut code = Vec::new();
        let mut lines = self.text.lines().enumerate().map(|(i, line)| (i + 1, line.split("//").next().unwrap_or(line)));
        while let Some((i, line)) = lines.next() {
            if !is_for_tests(line) {
                code.push((i, line));
            } else if lines
                .by_ref()
                .find(|(_, item)| !item.trim_start().starts_with('#'))
                .is_none_or(|(_, item)| !item.ends_with(';'))
            {
                break; // a module of tests stands at the end
            }
        }
        code
    }
}

fn is_for_tests(line: &str) -> bool {
    let line = line.trim();
    line == "#[cfg(test)]" || line.starts_with("#[cfg(all(test")
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &str, endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![top().join(dir)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let skipped = ["node_modules", "target", "golden", "formats", "fixtures"];
            if path.file_name().is_some_and(|name| skipped.iter().any(|skip| name == *skip)) {
                continue;
            }
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)) {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.strip_prefix(top()).unwrap().to_str().unwrap().to_owned(), text });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Everything that is compiled into the program.
fn sources() -> Vec<Source> {
    let mut found = files("src", &["rs"]);
    let for_tests: Vec<String> = found.iter().flat_map(modules_for_tests).collect();
    let is_for_tests = |path: &str| {
        for_tests
            .iter()
            .any(|module| path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')))
    };
    found.retain(|source| !is_for_tests(&source.path));
    assert!(found.len() > 40, "the walk finds the sources");
    found
}

/// Paths, without ending, of the modules that a file declares for tests only.
fn modules_for_tests(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let inside = source.path.trim_end_matches("/mod.rs").trim_end_matches("/lib.rs").trim_end_matches(".rs");
    let declared = |i: usize| {
        let item = lines[i + 1..].iter().find(|line| !line.trim_start().starts_with('#'))?;
        let name = item.trim().strip_suffix(';')?.rsplit("mod ").next()?;
        Some(format!("{inside}/{name}"))
    };
    (0..lines.len()).filter(|i| is_for_tests(lines[*i])).filter_map(declared).collect()
}

#[track_caller]
fn assert_none(found: Vec<String>, law: &str) {
    assert!(found.is_empty(), "{law}:\n  {}", found.join("\n  "));
}

/// Whether `line` names the crate (`rusqlite::`, `use rusqlite;`), not a word that happens to contain it.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        starts && (after.starts_with("::") || line.trim_start().starts_with("use ") && after.starts_with(';'))
    })
}

#[test]
fn a_crate_is_named_in_its_rooms_only() {
    let rooms: &[(&str, &[&str])] = &[
        ("rusqlite", &["src/store/", "src/query/sql"]),
        ("clap", &["src/cli/"]),
        ("clap_complete", &["src/cli/"]),
        ("clap_mangen", &["src/cli/"]),
        ("indicatif", &["src/cli/"]),
        ("comfy_table", &["src/cli/"]),
        ("toml", &["src/cli/"]),
        ("signal_hook", &["src/cli/"]),
        ("rustyline", &["src/cli/sql/"]),
        ("askama", &["src/report/"]),
        ("plotly", &["src/report/"]),
        ("resvg", &["src/report/image", "src/report/pdf/"]),
        ("dejavu", &["src/report/image", "src/report/pdf/"]),
        ("pdf_writer", &["src/report/pdf/"]),
        ("skrifa", &["src/report/pdf/"]),
        ("subsetter", &["src/report/pdf/"]),
        ("procfs", &["src/ingest/host"]),
        ("pco", &["src/codec/"]),
        ("miniz_oxide", &["src/codec/"]),
        ("globset", &["src/model/"]),
        ("lettre", &["src/deliver/mail/"]),
        ("rustls", &["src/net/", "src/deliver/mail/"]),
        ("axum", &["src/live/"]),
        ("hyper", &["src/net/", "src/live/"]),
        ("hyper_util", &["src/net/", "src/live/"]),
        ("http_body_util", &["src/net/", "src/live/"]),
        ("tokio_rustls", &["src/net/", "src/live/"]),
        ("webpki_roots", &["src/net/"]),
    ];
    let mut found = Vec::new();
    for source in sources() {
        for (name, allowed) in rooms {
            let hits = source.code().into_iter().filter(|(_, line)| names_crate(line, name) && !source.is_in(allowed));
            found.extend(hits.map(|(i, _)| format!("{}:{i}: {name}", source.path)));
        }
    }
    assert_none(found, "a crate is known to its rooms only, so that it can be changed there");
}

/// Height of a floor; siblings have the same and do not know each other.
fn height(floor: &str) -> Option<u8> {
    Some(match floor {
        "model" | "codec" => 0,
        "store" | "net" => 1,
        "ingest" | "query" => 2,
        "analyse" => 3,
        "report" | "export" => 4,
        "deliver" | "live" | "forward" => 5,
        "schedule" | "facade" => 6,
        "cli" => 7,
        "main" | "lib" => 8,
        _ => return None,
    })
}

/// Modules named after `crate::`, also those of `crate::{a, b::c}`.
fn modules_named(text: &str) -> Vec<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    text.match_indices("crate::")
        .flat_map(|(at, found)| {
            let rest = &text[at + found.len()..];
            let Some(list) = rest.strip_prefix('{') else { return vec![word(rest)] };
            let mut depth = 0;
            let mut top_level = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    c if depth == 0 => top_level.push(c),
                    _ => {}
                }
            }
            top_level.split(',').map(|part| word(part.trim())).collect()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn no_floor_knows_a_higher_one_nor_its_siblings() {
    let mut found = Vec::new();
    for source in sources() {
        let Some(floor) = source.floor() else { continue };
        let own = height(floor).unwrap_or_else(|| panic!("{}: a floor that the house does not have", source.path));
        let code: String = source.code().into_iter().map(|(_, line)| line.to_owned() + "\n").collect();
        for named in modules_named(&code) {
            let Some(other) = height(&named) else { continue };
            if named != floor && other >= own {
                found.push(format!("{} names crate::{named}", source.path));
            }
        }
    }
    assert_none(found, "data flows one way: ingest -> store -> query -> analyse -> report -> deliver");
}

#[test]
fn the_clock_is_read_at_the_edges_only() {
    let edges = ["src/cli/", "src/ingest/host", "src/ingest/scrape/", "src/schedule.rs", "src/live/"];
    let clocks = ["SystemTime::now", "Utc::now", "Local::now"];
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !source.is_in(&edges)) {
        let hits = source.code().into_iter().filter(|(_, line)| clocks.iter().any(|clock| line.contains(clock)));
        found.extend(hits.map(|(i, _)| format!("{}:{i}", source.path)));
    }
    assert_none(found, "`now` is an argument everywhere else, so that tests can choose it");
}

#[test]
fn what_is_never_there() {
    let words = ["todo!(", "unimplemented!(", "dbg!(", ".unwrap()", "println!(", "eprintln!(", "print!(", "panic!("];
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| !source.path.ends_with("build.rs")) {
        for (i, line) in source.code() {
            found.extend(
                words.iter().filter(|word| line.contains(**word)).map(|word| format!("{}:{i}: {word}", source.path)),
            );
        }
    }
    assert_none(found, "no stub, no panic for bad data, no way to the terminal but `cli::output`");
}

#[test]
fn unsafe_code_says_why_it_is_safe() {
    let mut found = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            let is_unsafe =
                ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait"].iter().any(|word| code.contains(word));
            let why = lines[i.saturating_sub(6)..i].iter().any(|above| above.contains("SAFETY:"));
            if is_unsafe && !why {
                found.push(format!("{}:{}", source.path, i + 1));
            }
        }
    }
    assert_none(found, "unsafe without a SAFETY comment above it");
}

/// Closing a descriptor of one's own on the database takes SQLite's locks on it from the whole process (POSIX), and with them a writer's log.
#[test]
fn the_store_opens_the_database_by_sqlite_only() {
    let opens =
        ["File::open", "File::options", "OpenOptions::new", "fs::read(", "fs::read_to", "fs::copy", "fs::write"];
    let harmless = [
        "File::open(parent_of(path))",           // a directory
        "let mut options = OpenOptions::new();", // the lock's file; a new database before it has its name
        "io::copy(&mut File::open(from)?",       // a file that SQLite opens for nobody
        "let read = File::open(path).and_then",  // one that SQLite has found to be none of its files
        "fs::read(&empty.path)",                 // a new one that nobody else knows of
        "let mut copy = OpenOptions::new()",     // the same
    ];
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|source| source.is_in(&["src/store/", "src/query/", "src/facade.rs"])) {
        let raw =
            |line: &str| opens.iter().any(|open| line.contains(open)) && !harmless.iter().any(|h| line.contains(h));
        let hits = source.code().into_iter().filter(|(_, line)| raw(line));
        found.extend(hits.map(|(i, line)| format!("{}:{i}: {}", source.path, line.trim())));
    }
    assert_none(found, "a descriptor on the database that is not SQLite's");
}

#[test]
fn files_are_rooms_not_halls() {
    let ours = ["src", "tests", "templates", "examples", "migrations"]
        .iter()
        .filter(|dir| top().join(dir).is_dir())
        .flat_map(|dir| files(dir, &["rs", "html", "css", "js", "mjs", "sql", "py", "sh"]));
    let long = ours.filter(|file| file.text.lines().count() > 1_000 && !file.path.ends_with("package-lock.json"));
    assert_none(long.map(|file| file.path).collect(), "a file stops at 1,000 lines");
}

#[test]
fn a_file_is_named_with_a_noun_of_the_field() {
    let nameless = ["util", "utils", "helper", "helpers", "misc", "common", "manager", "stuff"];
    let found = sources().into_iter().filter(|source| {
        let stem = Path::new(&source.path).file_stem().unwrap().to_str().unwrap().to_owned();
        nameless.contains(&stem.as_str()) || stem.ends_with("_manager") || stem.ends_with("_utils")
    });
    assert_none(found.map(|source| source.path).collect(), "a name that says nothing");
}

#[test]
fn nothing_else_stands_at_the_top() {
    let allowed = [
        ".ci",
        ".config",
        ".git",
        ".github",
        ".gitignore",
        ".rustfmt.toml",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "deny.toml",
        "examples",
        "migrations",
        "src",
        "target",
        "templates",
        "tests",
    ];
    // What is kept, not what lies about: the README's first command leaves a database and a report here.
    let kept = match Command::new("git").arg("ls-files").current_dir(top()).output() {
        Ok(listed) if listed.status.success() => String::from_utf8(listed.stdout).unwrap(),
        _ => return println!("skipped: the top of the house: this is no git checkout"),
    };
    let names: BTreeSet<&str> = kept.lines().filter_map(|path| path.split('/').next()).collect();
    let other = names.into_iter().filter(|name| !allowed.contains(name)).map(str::to_owned);
    assert_none(other.collect(), "the top of the house is kept clear");
}

#[test]
fn templates_do_no_arithmetic() {
    let mut found = Vec::new();
    for template in files("templates", &["html", "txt", "svg"]) {
        for (i, line) in template.text.lines().enumerate() {
            for expression in line.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
                if [" * ", " / ", " + ", " - ", " % "].iter().any(|operator| expression.contains(operator)) {
                    found.push(format!("{}:{}: {expression}", template.path, i + 1));
                }
            }
        }
    }
    assert_none(found, "a template gets ready strings");
}

#[test]
fn no_test_sleeps() {
    // kill.rs kills at random moments, long_run.rs watches what time does: that is what they are about.
    let about_time = ["tests/integration/kill.rs", "tests/integration/long_run.rs"];
    let tests = files("tests", &["rs"]).into_iter().chain(sources());
    let sleep = concat!("thread::", "sleep");
    let found = tests.filter(|file| file.text.contains(sleep) && !about_time.contains(&&*file.path));
    assert_none(found.map(|file| file.path).collect(), "wait for what happens, not for time");
}

#[test]
fn the_walk_and_the_parsers_of_this_file_work() {
    assert_eq!(modules_named("use crate::{model::{A, B}, store::C};\ncrate::query::x"), ["model", "store", "query"]);
    assert!(names_crate("use rusqlite::Connection;", "rusqlite"));
    assert!(names_crate("    rusqlite::Error", "rusqlite") && !names_crate("crate::rusqlite::x", "rusqlite"));
    assert!(!names_crate("my_clap::x", "clap") && !names_crate("// clap", "clap"));
}
