//! Mail to a real server that wants TLS and a login, and to ones that fail in every way.

use serde_json::Value;

use super::harness::{Project, Run, figure};
use super::smtp::{PASSWORD, Server, header, project, read_mail};

/// The moment at which the hour of the small cluster is over.
const AT: &str = "2026-01-05T01:00:00Z";
const TO_OPS: &str = "to = ['ops@example.org']";

fn due(project: &Project, at: &str) -> Run {
    project.run(["batch", "--due", "--at", at])
}

/// State and note of the one run.
fn ledger(project: &Project) -> (String, String) {
    let told = project.run(["batch", "--history", "--json"]).ok().json();
    let runs = told["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "{told}");
    (runs[0]["state"].as_str().unwrap().to_owned(), runs[0]["note"].as_str().unwrap_or_default().to_owned())
}

fn kinds(part: &Value) -> Value {
    match part["parts"].as_array() {
        Some(parts) => {
            serde_json::json!({ part["type"].as_str().unwrap(): parts.iter().map(kinds).collect::<Vec<_>>() })
        }
        None => part["type"].clone(),
    }
}

#[test]
fn a_report_arrives_and_reads_with_pictures_on_and_off() {
    let Some(server) = Server::start() else { return };
    let project =
        project(&server.settings(), "to = ['ops@example.org', 'boss@example.org']\nattach = ['html', 'csv.gz']");
    due(&project, AT).ok();
    let received = server.received();
    let [(mail, to)] = &received[..] else { panic!("{} mails", received.len()) };
    assert_eq!(to, &["ops@example.org", "boss@example.org"]);
    assert_eq!(header(mail, "To"), "Cluster <nodebook@example.org>", "nobody sees the others");
    assert_eq!(header(mail, "Subject"), "Cluster A: OK · Mon 5 Jan 2026, 00:00 – 01:00");
    assert!(header(mail, "Message-ID").ends_with("@example.org>"));
    assert_eq!(mail["defects"], serde_json::json!([]));
    let tree = kinds(&mail["tree"]);
    let related = tree["multipart/mixed"][0]["multipart/related"].as_array().unwrap();
    assert_eq!(related[0], serde_json::json!({"multipart/alternative": ["text/plain", "text/html"]}));
    assert!(related.len() >= 3 && related[1..].iter().all(|kind| kind == "image/png"), "{tree}");
    assert_eq!(mail["attachments"], serde_json::json!(["hourly-2026-01-05.html", "hourly-2026-01-05.csv.gz"]));

    let html = mail["html"].as_str().unwrap();
    assert!(html.len() <= 60_000);
    for body in [html, mail["text"].as_str().unwrap()] {
        for shown in ["Cluster A", "OK", "Nothing found", "CPU busy", "Memory used", "db-3"] {
            assert!(body.contains(shown), "{shown} is not in {body}");
        }
    }
    // Every picture is there, and says in words what is on it.
    let pictures = html.matches("<img ").count();
    assert_eq!((pictures, html.matches("alt=\"Chart: ").count()), (related.len() - 1, pictures));
    for part in mail["tree"]["parts"][0]["parts"].as_array().unwrap().iter().skip(1) {
        let id = part["id"].as_str().unwrap().trim_matches(['<', '>']);
        assert!(html.contains(&format!("src=\"cid:{id}\"")), "{id}");
    }
}

#[test]
fn the_attachments_open() {
    let project = project("", TO_OPS);
    let config = project.read("nodebook.toml");
    project.write(
        "nodebook.toml",
        format!("{config}attach = ['html', 'zip', 'csv.gz']\n[mail]\nfrom = 'a@example.org'\nserver = 'localhost'"),
    );
    project.run(["mail", "hourly", "--eml", "a.eml"]).code(4); // nothing was recorded in the last hour
    project.run(["report", "-o", "b.eml", "-o", "b.html"]).ok();
    std::fs::create_dir(project.path("parts")).unwrap();
    let mail = read_mail(&project.path("b.eml"), Some(&project.path("parts")));
    let name = mail["attachments"][0].as_str().unwrap();
    let page = project.read(&format!("parts/{name}"));
    assert!(page.starts_with("<!doctype html>") && page.contains("<tr data-node=\"db-1\""));
}

#[test]
fn a_file_arrives_as_it_is_and_ends_no_message() {
    let Some(server) = Server::start() else { return };
    let project = project(&server.settings(), TO_OPS);
    let text = "one\n.\r\nMAIL FROM:<other@example.org>\r\n\n.\n\rtwo";
    project.write("a.txt", text);
    project.run(["mail", "a.txt", "--to", "ops@example.org", "--eml", "a.eml"]).ok();
    std::fs::create_dir(project.path("parts")).unwrap();
    let mail = project.bytes("a.eml");
    let bare = mail.iter().enumerate().filter(|(i, byte)| **byte == b'\n' && mail[i - 1] != b'\r');
    assert_eq!(bare.count(), 0);
    read_mail(&project.path("a.eml"), Some(&project.path("parts")));
    assert_eq!(project.read("parts/a.txt"), text);
    project.run(["mail", "a.txt", "--to", "ops@example.org"]).ok();
    assert_eq!(server.received().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_name_reads_as_what_it_is() {
    let project = Project::new().file("a\u{202e}fdp.exe", "x");
    project.run(["mail", "a\u{202e}fdp.exe", "--to", "ops@example.org", "--eml", "a.eml"]).ok();
    let mail = project.read("a.eml");
    assert!(mail.contains("\r\nSubject: afdp.exe\r\n"), "{mail}");
    assert!(mail.contains("\r\nafdp.exe is attached.") && mail.contains("filename=\"afdp.exe\""), "{mail}");
}

#[test]
fn samples_are_left_out_first_then_the_page_and_that_is_said() {
    let Some(server) = Server::start() else { return };
    let batch = format!("{TO_OPS}\nattach = ['csv.gz', 'zip']");
    let project = project(&format!("{}attach_max = '700kB'\n", server.settings()), &batch);
    due(&project, AT).ok();
    let config = project.read("nodebook.toml");
    project.write("nodebook.toml", config.replace("700kB", "10kB"));
    due(&project, "2026-01-05T01:00:01Z").ok(); // nothing is due any more
    project.run(["batch", "hourly", "--at", "2026-01-05T01:30:00Z"]).ok();
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].0["attachments"].as_array().unwrap().len(), 2);
    let small = &received[1].0;
    assert_eq!(small["attachments"], serde_json::json!(["hourly-2026-01-05.csv.gz"]));
    assert!(
        small["text"].as_str().unwrap().contains("The report (")
            && small["html"].as_str().unwrap().contains("is not attached")
    );
}

#[test]
fn one_mail_each_shows_each_its_own_name() {
    let Some(server) = Server::start() else { return };
    let batch = "to = ['ops@example.org', 'boss@example.org']\nsend = 'each'\nsubject = '{name} of {period}: {verdict}, {findings} findings'\nattach = ['none']";
    let project = project(&server.settings(), batch);
    due(&project, AT).ok();
    let received = server.received();
    let to: Vec<&str> = received.iter().map(|(mail, _)| header(mail, "To")).collect();
    assert_eq!(to, ["ops@example.org", "boss@example.org"]);
    assert_eq!(header(&received[0].0, "Subject"), "hourly of Mon 5 Jan 2026, 00:00 – 01:00: OK, 0 findings");
    assert_ne!(header(&received[0].0, "Message-ID"), header(&received[1].0, "Message-ID"));
    assert_eq!(received[0].0["attachments"], serde_json::json!([]));
}

#[test]
fn what_may_pass_is_tried_again_and_what_will_not_is_told() {
    // What the server does, what the ledger says at once, and after two hours of a server that works.
    let ways = [
        ("greylist", "queued", "refuses ops@example.org: 451", "sent", 1),
        ("silent", "queued", "has not answered within 2 s", "sent", 1),
        ("cut", "queued", "does not want the message: it closed the connection", "sent", 1),
        ("refuse", "failed", "refuses ops@example.org: 550", "failed", 0),
        ("full", "failed", "does not take the message: 552", "failed", 0),
        ("no-tls", "failed", "offers no STARTTLS: nothing is sent in the open", "failed", 0),
        ("cut-after", "failed", "it may have arrived, and is not sent again", "failed", 1),
    ];
    for (mode, at_once, why, in_the_end, mails) in ways {
        let Some(server) = Server::start() else { return };
        server.mode(mode);
        let project = project(&server.settings(), TO_OPS);
        let run = due(&project, AT).code(if at_once == "queued" { 3 } else { 1 });
        let (state, note) = ledger(&project);
        assert!(state == at_once && note.contains(why), "{mode}: {state}: {note}");
        assert!(run.stderr().contains(why), "{mode}: {}", run.stderr());
        server.mode("ok");
        due(&project, "2026-01-05T01:00:30Z"); // too early
        assert_eq!(server.received().len(), if mode == "cut-after" { 1 } else { 0 }, "{mode}");
        due(&project, "2026-01-05T01:02:00Z");
        assert_eq!((ledger(&project).0.as_str(), server.received().len()), (in_the_end, mails), "{mode}");
    }
}

#[test]
fn a_wrong_password_and_a_certificate_of_nobody_send_nothing() {
    let Some(server) = Server::start() else { return };
    let project = project(&server.settings(), TO_OPS);
    project.write("secret", "wrong horse");
    due(&project, AT).code(1);
    let (_, note) = ledger(&project);
    assert!(note.contains("does not let nodebook in: 535") && !note.contains("wrong horse"), "{note}");

    let config = project.read("nodebook.toml");
    let without: String =
        config.lines().filter(|line| !line.starts_with("ca_file")).map(|line| format!("{line}\n")).collect();
    project.write("nodebook.toml", without);
    let said = project.run(["mail", "secret", "--to", "ops@example.org"]).fails(1);
    assert!(said.contains("its certificate is not trusted"), "{said}");
    assert_eq!(server.received().len(), 0);
}

#[test]
fn one_of_two_that_is_refused_does_not_keep_the_other_from_it() {
    let Some(server) = Server::start() else { return };
    server.mode("some");
    let project = project(&server.settings(), "to = ['ops@example.org', 'bad@example.org']");
    due(&project, AT).code(1);
    let (state, note) = ledger(&project);
    assert!(
        state == "failed" && note.contains("sent, but not to all") && note.contains("refuses bad@example.org"),
        "{note}"
    );
    assert_eq!(server.received()[0].1, ["ops@example.org"]);
}

#[test]
fn what_has_arrived_is_known_to_have_whatever_the_server_does_then() {
    let Some(server) = Server::start() else { return };
    server.mode("no-bye");
    let patient = server.settings().replace("timeout = '2s'", "timeout = '1h'");
    let project = project(&patient, TO_OPS);
    due(&project, AT).ok();
    assert_eq!(ledger(&project).0, "sent");
    assert_eq!(server.received().len(), 1);
}

#[test]
fn an_hour_without_a_server_costs_nothing() {
    let Some(server) = Server::start() else { return };
    let settings = server.settings();
    let project = project(&settings, TO_OPS);
    let port = settings.split("localhost:").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    project.write("nodebook.toml", project.read("nodebook.toml").replace(&format!("localhost:{port}"), "localhost:1"));
    let mut tries = 0;
    for minute in (0..50).step_by(5) {
        let run = due(&project, &format!("2026-01-05T01:{minute:02}:00Z"));
        tries += usize::from(run.stderr().contains("cannot be reached"));
    }
    assert!(tries >= 4, "{tries}");
    project
        .write("nodebook.toml", project.read("nodebook.toml").replace("localhost:1'", &format!("localhost:{port}'")));
    due(&project, "2026-01-05T01:59:00Z").ok();
    assert_eq!((ledger(&project).0.as_str(), server.received().len()), ("sent", 1));
    figure(format_args!(
        "16 | an hour without a mail server | {tries} tries in 50 minutes | sent once when it was back"
    ));
}

#[test]
fn no_name_adds_a_header() {
    let Some(server) = Server::start() else { return };
    let project = project(&server.settings(), &format!("{TO_OPS}\nattach = ['html']"));
    let node = "\"db\r\nBcc: all@evil.org\r\n\r\n<b>\"";
    let csv = format!(
        "timestamp_ms,node,metric,value\n1767571200000,{node},cpu_percent,1\n1767571210000,{node},cpu_percent,2\n"
    );
    project.run_with(["import", "-"], csv.as_bytes());
    let config = project
        .read("nodebook.toml")
        .replace("title = 'Cluster A'", "title = \"A\\r\\nBcc: all@evil.org\\r\\n\\r\\nbody\"");
    project.write("nodebook.toml", config);
    due(&project, AT).ok();
    let (mail, to) = &server.received()[0];
    assert_eq!(to, &["ops@example.org"]);
    let names: Vec<&str> = mail["headers"].as_array().unwrap().iter().map(|h| h[0].as_str().unwrap()).collect();
    assert!(!names.contains(&"Bcc"), "{names:?}");
    assert!(header(mail, "Subject").starts_with("A Bcc: all@evil.org body"));
    assert!(!mail["html"].as_str().unwrap().contains("<b>\""));
}

#[test]
fn the_password_is_nowhere() {
    let Some(server) = Server::start() else { return };
    let project = project(&server.settings(), &format!("{TO_OPS}\noutput = 'out/{{name}}-{{from}}.html'"));
    let mut said = String::new();
    for (mode, at) in [("refuse", "2026-01-05T01:00:00Z"), ("ok", "2026-01-05T01:00:01Z")] {
        server.mode(mode);
        for arguments in
            [vec!["batch", "hourly", "-v", "--at", at], vec!["batch", "--history", "--json"], vec!["schedule"]]
        {
            let run = project.run(arguments);
            said += &(run.stdout() + &run.stderr());
        }
    }
    let wrong = project.run(["mail", "none", "--to", "a@example.org"]);
    said += &wrong.stderr();
    assert!(!said.contains(PASSWORD), "{said}");
    for name in project.names().iter().filter(|name| *name != "secret" && *name != "out") {
        let bytes = project.bytes(name);
        assert!(!bytes.windows(PASSWORD.len()).any(|w| w == PASSWORD.as_bytes()), "{name} has it");
    }
    for (mail, _) in server.received() {
        assert!(!mail.to_string().contains(PASSWORD));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_password_is_in_no_process_list() {
    let Some(server) = Server::start() else { return };
    server.mode("silent");
    let project = project(&server.settings(), TO_OPS);
    let running = project.start(["batch", "--due", "--at", AT]);
    // It is connected, and waits: what others see of it now is what they ever see.
    let proc = format!("/proc/{}", running.pid());
    let sockets = || {
        std::fs::read_dir(format!("{proc}/fd")).map_or(0, |fds| {
            fds.filter(|fd| {
                fd.as_ref().is_ok_and(|fd| {
                    std::fs::read_link(fd.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket"))
                })
            })
            .count()
        })
    };
    while sockets() == 0 && std::path::Path::new(&proc).exists() {
        std::thread::yield_now();
    }
    for file in ["cmdline", "environ"] {
        let text = String::from_utf8_lossy(&std::fs::read(format!("{proc}/{file}")).unwrap()).into_owned();
        assert!(!text.contains(PASSWORD), "{file}: {text}");
    }
    running.wait().code(3);
}

#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_is_refused() {
    let project = project(
        "[mail]\nserver = 'localhost:1'\nuser = 'nodebook'\npassword_file = 'secret'\nfrom = 'a@example.org'",
        TO_OPS,
    );
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(project.path("secret"), open).unwrap();
    let said = project.run(["batch", "--due"]).fails(2);
    insta::assert_snapshot!(said, @"error: secret: can be read by others than its owner: chmod 600 it");
}

#[test]
fn a_credential_of_systemd_and_the_environment_give_the_password() {
    let Some(server) = Server::start() else { return };
    let settings: String = server
        .settings()
        .lines()
        .filter(|line| !line.starts_with("password_file"))
        .map(|line| format!("{line}\n"))
        .collect();
    let project = project(&settings, TO_OPS);
    let said = project.run(["batch", "--due"]).fails(2);
    insta::assert_snapshot!(said, @"error: [mail]: `user` needs a password: `password_file`, $NODEBOOK_MAIL_PASSWORD, or the systemd credential `smtp-password`");
    let project = project.variable("NODEBOOK_MAIL_PASSWORD", PASSWORD);
    project.run(["mail", "secret", "--to", "a@example.org"]).ok();
    let credentials = project.path("credentials");
    std::fs::create_dir(&credentials).unwrap();
    project.write("credentials/smtp-password", PASSWORD);
    let project =
        project.variable("NODEBOOK_MAIL_PASSWORD", "").variable("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap());
    project.run(["mail", "secret", "--to", "a@example.org"]).ok();
    assert_eq!(server.received().len(), 2);
}

#[test]
fn mail_without_tls_stays_on_this_machine() {
    let mail = "[mail]\nserver = 'mail.example.org:25'\ntls = 'none'\nfrom = 'a@example.org'";
    let said = project(mail, TO_OPS).run(["batch", "--due"]).fails(2);
    insta::assert_snapshot!(said, @r#"error: mail server `mail.example.org:25`: `tls = "none"` is for this machine only (localhost): use "starttls" or "implicit""#);
}

#[test]
fn settings_are_tested_on_the_first_day() {
    // The last closed hour, day or week of a recorder that was started today holds nothing.
    let project =
        project("[mail]\nfrom = 'a@example.org'\nsendmail = '/bin/true'\n", &format!("{TO_OPS}\nrange = '2026-01-04'"));
    let said = project.run(["mail", "hourly", "--eml", "a.eml"]).ok().stderr();
    assert!(said.contains("nothing is recorded of 2026-01-04 00:00:00 to 2026-01-05 00:00:00"), "{said}");
    assert!(said.contains("this message tells of 2026-01-05 00:00:00 to 2026-01-05 00:59:50 instead"), "{said}");
    assert!(project.read("a.eml").contains("Mon 5 Jan 2026"), "the period that it tells of");
    // What goes out by itself is never of another period than it says.
    project.run(["batch", "hourly"]).code(4);
}
