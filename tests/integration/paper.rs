//! Reports as PDF, judged by the tools that others read PDF with.
#![cfg(feature = "pdf")]

use std::process::Command;

use super::harness::Project;

/// What a tool says of a file; `None`, with a word, where there is no such tool.
fn said_by(tool: &str, arguments: &[&str], project: &Project) -> Option<String> {
    match Command::new(tool).args(arguments).current_dir(project.root()).output() {
        Ok(run) => {
            let said = String::from_utf8_lossy(&run.stdout).into_owned();
            assert!(run.status.success(), "{tool}: {said}{}", String::from_utf8_lossy(&run.stderr));
            Some(said)
        }
        Err(error) => {
            eprintln!("skipped: {tool}: {error}");
            None
        }
    }
}

/// One space between words, whatever a line or a table has.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_report_on_paper_says_what_the_page_says() {
    let project = Project::new().with_small_cluster();
    project.run(["report", "-o", "a.pdf", "-o", "a.json", "--title", "Cluster (A) \\ \"one\""]).ok();
    said_by("qpdf", &["--check", "a.pdf"], &project);
    let Some(text) = said_by("pdftotext", &["-layout", "a.pdf", "-"], &project) else { return };
    let text = words(&text);
    let view: serde_json::Value = serde_json::from_str(&project.read("a.json")).unwrap();
    assert!(text.contains("Cluster (A) \\ \"one\""), "{text}");
    for heading in ["Findings", "Key figures", "Resource usage", "Nodes", "Data quality", "Method"] {
        assert!(text.contains(heading), "{heading} in {text}");
    }
    let tiles = view["tiles"].as_array().unwrap();
    assert!(!tiles.is_empty());
    for tile in tiles {
        let shown = words(&tile["text"].as_str().unwrap().replace('\u{a0}', " "));
        assert!(text.contains(&shown), "{shown} in {text}");
    }
    for node in ["db-1", "db-2", "db-3"] {
        assert!(text.contains(node), "{node}");
    }
}

#[test]
fn paper_is_tagged_titled_and_of_the_size_that_is_asked_for() {
    let project = Project::new().with_small_cluster().file("nodebook.toml", "[report]\npaper = 'letter'\n");
    project.run(["report", "-o", "letter.pdf", "--title", "Weekly"]).ok();
    let Some(about) = said_by("pdfinfo", &["letter.pdf"], &project) else { return };
    for told in ["Title: Weekly · ", "Tagged: yes", "JavaScript: no", "612 x 792 pts (letter)"] {
        assert!(words(&about).contains(told), "{told} in {about}");
    }
    let tags = said_by("pdfinfo", &["-struct-text", "letter.pdf"], &project).unwrap_or_default();
    for tag in ["H1", "H2", "Table", "TR", "TH", "Figure"] {
        assert!(tags.lines().any(|line| line.trim().split([' ', '(']).next() == Some(tag)), "{tag} in {tags}");
    }
}

#[test]
fn the_locale_says_which_paper_where_nobody_does() {
    let page = |locale: &str| {
        let project = Project::new().with_small_cluster().variable("LC_ALL", locale);
        project.run(["report", "-o", "a.pdf"]).ok();
        said_by("pdfinfo", &["a.pdf"], &project)
    };
    let Some(us) = page("en_US.UTF-8") else { return };
    assert!(us.contains("letter") && page("de_DE.UTF-8").is_some_and(|about| about.contains("A4")));
}

#[test]
fn the_same_data_gives_the_same_paper() {
    let project = Project::new().with_small_cluster().variable("SOURCE_DATE_EPOCH", "1767571200");
    project.run(["report", "-o", "a.pdf"]).ok();
    let first = project.bytes("a.pdf");
    project.run(["report", "-o", "a.pdf"]).ok();
    assert!(first == project.bytes("a.pdf"));
}

#[test]
fn a_hostile_name_is_text_on_paper_too() {
    let node = "</script>) /URI (http://x.example) 漢\u{202e}字";
    let csv = format!(
        "timestamp_ms,node,metric,labels,value\n1767571200000,{node},load1,,1\n1767571210000,{node},load1,,2\n"
    );
    let project = Project::new();
    project.run_with(["import", "-"], csv.as_bytes()).ok();
    project.run(["report", "-o", "a.pdf"]).ok();
    said_by("qpdf", &["--check", "a.pdf"], &project);
    let Some(open) = said_by("qpdf", &["--qdf", "--object-streams=disable", "a.pdf", "-"], &project) else { return };
    assert!(!open.contains("\n/URI") && !open.contains("/S /URI") && !open.contains("/JavaScript"));
    let Some(text) = said_by("pdftotext", &["a.pdf", "-"], &project) else { return };
    assert!(words(&text).contains("</script>) /URI (http://x.example)"), "{text}");
    assert!(text.contains('漢'), "signs that the font does not have are still found: {text}");
}

/// Two dots, one of them seen through.
const LOGO: &[u8] =
    b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'><circle cx='10' cy='10' r='9' fill='#0a7'/></svg>";

#[test]
fn the_logo_and_the_numbers_of_the_charts_are_on_paper() {
    let project = Project::new()
        .with_small_cluster()
        .file("logo.svg", LOGO)
        .file("nodebook.toml", "[report]\nlogo = 'logo.svg'\nlanguage = 'de'\n");
    project.run(["report", "-o", "a.pdf", "--title", "Weekly"]).ok();
    said_by("qpdf", &["--check", "a.pdf"], &project);
    if let Some(images) = said_by("pdfimages", &["-list", "a.pdf"], &project) {
        assert!(images.contains(" image ") && images.contains(" smask "), "{images}");
    }
    let Some(text) = said_by("pdftotext", &["-layout", "a.pdf", "-"], &project) else { return };
    let text = words(&text);
    assert!(text.contains("Numbers of the charts") && text.contains("Mo., 5. Jan. 2026"), "{text}");
    let table = text.split_once("Numbers of the charts").unwrap().1;
    for row in ["CPU busy, percent", "db-3 33,0 %", "43,5 %"] {
        assert!(table.contains(row), "{row} in {table}");
    }
}

#[test]
fn a_batch_writes_and_attaches_paper() {
    let config = "[mail]\nfrom = 'a@example.org'\n[[batch]]\nname = 'day'\nschedule = '@daily'\nrange = '2026-01-05'\n\
                  output = 'out/{from}.pdf'\nattach = ['pdf']\n";
    let project = Project::new().with_small_cluster().file("nodebook.toml", config);
    project.run(["batch", "day", "--timezone", "UTC"]).ok();
    assert!(project.bytes("out/2026-01-05.pdf").starts_with(b"%PDF-1.7"));
    project.run(["mail", "day", "--to", "b@example.org", "--eml", "day.eml", "--timezone", "UTC"]).ok();
    let mail = project.read("day.eml");
    assert!(mail.contains("Content-Type: application/pdf") && mail.contains("day-2026-01-05.pdf"), "{}", &mail[..600]);
    assert!(!mail.contains(".html\""));
}
