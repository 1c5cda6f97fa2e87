//! The README and the program stay together.

use std::collections::BTreeSet;
use std::path::Path;

use super::harness::Project;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// Fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn every_command_line_of_the_readme_is_understood() {
    let text = readme();
    let mut seen = 0;
    // Of a service or a cron job, what stands behind the path of the program.
    let installed = ["ini", "crontab"].iter().flat_map(|language| blocks(&text, language)).flat_map(str::lines);
    let installed = installed.filter_map(|line| Some(line.split_once("/bin/")?.1));
    for line in blocks(&text, "sh").into_iter().flat_map(str::lines).chain(installed) {
        let line = line.split(" # ").next().unwrap();
        for call in line.split(['|', '&', ';']).filter_map(|part| part.trim().strip_prefix("nodebook ")) {
            let command = call.split_whitespace().next().unwrap();
            let project = Project::new();
            let help = project.run([command, "--help"]).ok().stdout();
            for flag in call.split_whitespace().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap();
                assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "{call}: no {flag}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 12, "{seen}");
}

#[test]
fn the_readme_names_every_command_and_no_other() {
    let help = Project::new().run(["--help"]).ok().stdout();
    let commands: BTreeSet<&str> = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    let text = readme();
    let table = text.split("| command |").nth(1).expect("a table of commands").split("\n\n").next().unwrap();
    let named: BTreeSet<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next()).collect();
    assert_eq!(named, commands);
}

#[test]
fn the_configuration_of_the_readme_is_one() {
    let text = readme();
    let blocks = blocks(&text, "toml");
    assert!(!blocks.is_empty());
    for block in blocks {
        let project = Project::new().file("nodebook.toml", block);
        // Read, understood, and only then is the database missed.
        project.run(["info", "--db", "none.db"]).fails(4);
    }
}

#[test]
fn the_queries_of_the_readme_are_ones() {
    let text = readme();
    let blocks = blocks(&text, "sql");
    assert!(!blocks.is_empty());
    let project = Project::new().with_small_cluster();
    for query in blocks.iter().flat_map(|block| block.split(";\n")).filter(|query| !query.trim().is_empty()) {
        project.run(["sql", query]).ok();
    }
}

#[test]
fn every_command_has_a_manual_page_and_every_shell_its_completions() {
    let project = Project::new();
    project.run(["man", "."]).ok();
    assert!(project.read("nodebook.1").contains("nodebook"));
    assert!(project.read("nodebook-record.1").contains("interval"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(project.run(["completions", shell]).ok().stdout().contains("maintain"), "{shell}");
    }
}

#[test]
fn the_version_names_what_is_inside() {
    let text = Project::new().run(["--version"]).ok().stdout();
    assert!(text.starts_with(&format!("nodebook {}\n", env!("CARGO_PKG_VERSION"))));
    assert!(text.contains("\nSQLite 3.") && text.contains("\nplotly.js "), "{text}");
}

#[test]
fn every_relative_link_of_the_readme_leads_somewhere() {
    let text = readme();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let relative: Vec<&str> = targets.filter(|target| !target.is_empty() && !target.contains("://")).collect();
    assert!(!relative.is_empty(), "the picture, at least");
    for target in relative {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(target).exists(), "{target} is not there");
    }
}
