//! A real mail server for tests, see `smtp_server.py`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::harness::Project;

/// What the server lets in.
pub const PASSWORD: &str = "correct horse";

/// A server that is running; ended when it is dropped.
pub struct Server {
    child: Child,
    dir: tempfile::TempDir,
    port: u16,
}

fn python() -> Option<String> {
    std::env::var("NODEBOOK_TEST_PYTHON").ok()
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/integration").join(name)
}

impl Server {
    /// Starts one; `None`, and said, where there is no Python with aiosmtpd.
    pub fn start() -> Option<Server> {
        let has_server = |python: &String| {
            Command::new(python)
                .args(["-c", "import aiosmtpd"])
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
        };
        let Some(python) = python().filter(has_server) else {
            eprintln!("skipped: no aiosmtpd, see tests/run.sh");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(python);
        command.arg(script("smtp_server.py")).arg(dir.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the server says its port");
        Some(Server { child, dir, port })
    }

    /// What it does from the next connection on.
    pub fn mode(&self, mode: &str) {
        std::fs::write(self.dir.path().join("mode"), mode).unwrap();
    }

    /// `[mail]` for it, with the password in `secret` of the project.
    pub fn settings(&self) -> String {
        let ca = self.dir.path().join("ca.pem");
        format!(
            "[mail]\nserver = 'localhost:{}'\nuser = 'nodebook'\npassword_file = 'secret'\nca_file = '{}'\nfrom = 'Cluster <nodebook@example.org>'\ntimeout = '2s'\n",
            self.port,
            ca.display()
        )
    }

    /// The messages that it has, in order: as a mail program reads them, and to whom they went.
    pub fn received(&self) -> Vec<(Value, Vec<String>)> {
        let mut all = Vec::new();
        for number in 0.. {
            let path = self.dir.path().join(format!("{number}.eml"));
            if !path.exists() {
                return all;
            }
            let to = std::fs::read_to_string(path.with_extension("to")).unwrap();
            all.push((read_mail(&path, None), to.lines().map(str::to_owned).collect()));
        }
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A message as a mail program reads it; attachments go to `into`.
pub fn read_mail(path: &std::path::Path, into: Option<&std::path::Path>) -> Value {
    let mut command = Command::new(python().unwrap_or_else(|| "python3".to_owned()));
    let output = command.arg(script("read_mail.py")).arg(path).args(into).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A header of a message.
pub fn header<'m>(mail: &'m Value, name: &str) -> &'m str {
    let headers = mail["headers"].as_array().unwrap();
    let found: Vec<&Value> = headers.iter().filter(|header| header[0] == name).collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0][1].as_str().unwrap()
}

/// A project with an hour of three nodes, a batch `hourly` of it by mail, and the server's password.
pub fn project(mail: &str, batch: &str) -> Project {
    let project = Project::new().with_small_cluster();
    project.write("secret", format!("{PASSWORD}\n"));
    #[cfg(unix)]
    {
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(project.path("secret"), private).unwrap();
    }
    project.write(
        "nodebook.toml",
        format!(
            "timezone = 'UTC'\ntitle = 'Cluster A'\n{mail}\n[[batch]]\nname = 'hourly'\nschedule = '@hourly'\n{batch}\n"
        ),
    );
    project
}
