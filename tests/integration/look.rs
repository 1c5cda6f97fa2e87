//! Units, titles, colours and a logo of one's own.

use super::harness::{Project, SMALL_START_MS};

fn report(project: &Project, config: &str) -> String {
    project.write("nodebook.toml", config);
    project.run(["report", "--interactive", "off", "-q", "-o", "page.html"]).ok();
    project.read("page.html")
}

#[test]
fn what_is_known_better_of_a_metric_is_shown() {
    let csv: String = (0..60).map(|i| format!("{},a,queue_depth,{}\n", SMALL_START_MS + i * 10_000, 100 - i)).collect();
    let project = Project::new();
    project.run_with(["import", "-q", "-"], format!("timestamp_ms,node,metric,value\n{csv}").as_bytes()).ok();
    let plain = report(&project, "");
    assert!(plain.contains("queue_depth averaged") && plain.contains("data-section=\"other\""));
    let page = report(
        &project,
        "[[report.metric]]\nmetric = 'queue_*'\ntitle = 'Waiting <jobs>'\nunit = 'jobs'\nworse = 'low'\nsection = 'resources'",
    );
    assert!(page.contains("Waiting &#60;jobs&#62; averaged 70.5; it fell to 41"), "{page}");
    assert!(page.contains("jobs · mean") && page.contains("data-section=\"resources\"") && !page.contains("<jobs>"));
    let bytes = report(&project, "[[report.metric]]\nmetric = 'queue_depth'\nunit = 'bytes'");
    assert!(bytes.contains("averaged 70.5\u{a0}B"), "a unit that is known has its prefixes");
}

#[test]
fn colours_are_those_of_the_page_of_its_pictures_and_of_its_figures() {
    let project = Project::new().with_small_cluster();
    let config = "[report]\ncolors = ['#c2410c']\naccent = { light = '#7c3aed', dark = '#c4b5fd' }";
    let page = report(&project, config);
    assert!(page.contains(":root{--s1:#c2410c;--link:#7c3aed;}") && page.contains("{--s1:#c2410c;--link:#c4b5fd;}"));
    // The policy knows the style sheet by its hash: were it not the right one, the page would have none.
    let css = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = base64_sha256(css);
    assert!(page.contains(&format!("&#39;sha256-{hash}&#39;")), "{hash}");
    project.run(["plot", "load1", "--node", "db-1", "-o", "a.svg"]).ok();
    assert!(project.read("a.svg").contains(".l.s1 { stroke: #c2410c; }"));
    project.run(["plot", "load1", "--node", "db-1", "-o", "a.json"]).ok();
    assert!(project.read("a.json").contains("\"#c2410c\"") && !project.read("a.json").contains("#0072B2"));
}

fn base64_sha256(text: &str) -> String {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[test]
fn a_logo_travels_in_the_page_and_a_bad_one_is_told_and_left_out() {
    let project = Project::new().with_small_cluster();
    std::fs::create_dir(project.path("etc")).unwrap();
    project.write("etc/logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
    project.write("etc/nodebook.toml", "[report]\nlogo = 'logo.svg'");
    let arguments = ["report", "--config", "etc/nodebook.toml", "--db", "nodebook.db", "-o", "page.html"];
    project.run(arguments).ok();
    let page = project.read("page.html");
    let logo = page.split_once("<img class=\"logo\"").unwrap().1.split_once('>').unwrap().0;
    assert!(logo.contains("src=\"data:image/svg+xml;base64,") && !page.contains("alert(1)"), "{logo}");

    project.write("etc/logo.svg", "GIF89a");
    let said = project.run(arguments).ok().stderr();
    assert!(said.contains("no logo: etc/logo.svg: it is neither PNG, JPEG nor SVG"), "{said}");
    assert!(!project.read("page.html").contains("class=\"logo\""));
    std::fs::remove_file(project.path("etc/logo.svg")).unwrap();
    assert!(project.run(arguments).ok().stderr().contains("etc/logo.svg"));
}
