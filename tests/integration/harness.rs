//! Drives the real binary the way a person would, in a directory of its own, with nothing of the outside leaking in.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// No command of a test takes longer; one that does hangs.
const DEADLINE: Duration = Duration::from_secs(240);

/// A fresh directory with a program to run in it.
pub struct Project {
    dir: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Project {
    /// An empty one.
    pub fn new() -> Project {
        Project { dir: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// With a file.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Project {
        self.write(name, content);
        self
    }

    /// With a variable in the environment.
    pub fn variable(mut self, name: &str, value: &str) -> Project {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the samples of a small cluster imported into `nodebook.db`, see [`small_cluster`].
    pub fn with_small_cluster(self) -> Project {
        let project = self.file("small.csv", small_cluster());
        project.run(["import", "small.csv"]).ok();
        fs::remove_file(project.path("small.csv")).unwrap();
        project
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// The text of a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The bytes of a file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names of all files, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The program, ready to be run here.
    pub fn command<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nodebook"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NODEBOOK_") {
                command.env_remove(name);
            }
        }
        command
            .env_remove("SOURCE_DATE_EPOCH")
            .env_remove("NO_COLOR")
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_STATE_HOME");
        command.env("HOME", self.root()).env("TZ", "UTC").current_dir(self.root());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        command
    }

    /// Runs it to its end, with nothing on stdin.
    pub fn run<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        self.run_with(arguments, b"")
    }

    /// Runs it to its end with `input` on stdin.
    pub fn run_with<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>, input: &[u8]) -> Run {
        let mut command = self.command(arguments);
        let line = format!("{command:?}");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A program that does not read its input is fine.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = wait(child, &line);
        feeder.join().unwrap();
        Run { line, output, root: self.root().to_owned() }
    }

    /// Starts it and leaves it running; its output is kept.
    pub fn start<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
        let mut command = self.command(arguments);
        let line = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { child: Some(child), line, root: self.root().to_owned() }
    }

    /// Runs `body` with a small file system of its own at `disk`, mounted with these options; not at all where this is not root
    /// on Linux.
    #[cfg(target_os = "linux")]
    pub fn on_a_small_disk(&self, options: &str, body: impl FnOnce(&Path)) {
        let disk = self.path("disk");
        fs::create_dir(&disk).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: mounting a small file system needs root");
            return;
        }
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&disk)));
        assert!(Command::new("umount").arg("-l").arg(&disk).status().unwrap().success());
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    }

    /// One value out of `nodebook sql`.
    pub fn sql(&self, query: &str) -> Value {
        let rows = self.run(["sql", "--format", "json", query]).ok().json();
        let row = rows.as_array().and_then(|rows| rows.first()).and_then(Value::as_object);
        row.and_then(|row| row.values().next()).cloned().unwrap_or_else(|| panic!("no row: {query}"))
    }
}

/// Writes `ballast` until the file system of `dir` is full.
#[cfg(target_os = "linux")]
pub fn fill_up(dir: &Path) {
    let mut ballast = fs::File::create(dir.join("ballast")).unwrap();
    while ballast.write_all(&[0; 4096]).is_ok() {}
    // The last page may take a little more.
    while ballast.write_all(&[0]).is_ok() {}
}

/// A program that is running; killed when it is dropped.
pub struct Running {
    child: Option<Child>,
    line: String,
    root: PathBuf,
}

impl Running {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Reads stderr until `found` says so of what has been read; panics where it ends before.
    pub fn stderr_until(&mut self, found: impl Fn(&str) -> bool) -> String {
        let stderr = self.child.as_mut().unwrap().stderr.as_mut().unwrap();
        let (mut seen, mut byte) = (Vec::new(), [0]);
        loop {
            let text = String::from_utf8_lossy(&seen).into_owned();
            if text.ends_with('\n') && found(&text) {
                return text;
            }
            assert!(stderr.read(&mut byte).unwrap() == 1, "{} ended: {text}", self.line);
            seen.push(byte[0]);
        }
    }

    /// Sends a signal by name, as `kill` knows it.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(status.success(), "kill -{name} {}", self.pid());
    }

    /// Kills it, as `kill -9` does, and gives what it had said.
    pub fn kill(mut self) -> Run {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        Run { line: self.line.clone(), output: wait(child, &self.line), root: self.root.clone() }
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Run {
        let child = self.child.take().unwrap();
        Run { line: self.line.clone(), output: wait(child, &self.line), root: self.root.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Collects the output of a process and gives up on one that hangs.
fn wait(child: Child, line: &str) -> Output {
    let pid = child.id();
    let (sender, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match done.recv_timeout(DEADLINE) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
            panic!("hangs: {line}");
        }
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Run {
    line: String,
    output: Output,
    root: PathBuf,
}

impl Run {
    /// Its exit code; none where a signal ended it.
    pub fn exit(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// It went well.
    #[track_caller]
    pub fn ok(self) -> Run {
        self.code(0)
    }

    /// It ended with this exit code, and without a panic.
    #[track_caller]
    pub fn code(self, code: i32) -> Run {
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked"), "{}\n{stderr}", self.line);
        assert_eq!(self.output.status.code(), Some(code), "{}\nstdout: {}\nstderr: {stderr}", self.line, self.stdout());
        self
    }

    /// Ended with this code and exactly one line on stderr, which is given without its newline; nothing on stdout.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        let run = self.code(code);
        let stderr = run.stderr();
        assert_eq!(stderr.lines().count(), 1, "not one line: {stderr}");
        assert_eq!(run.stdout(), "", "{}", run.line);
        stderr.trim_end().to_owned()
    }

    /// Standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// Standard output, as it is.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.output.stdout
    }

    /// Standard error, with the project's directory as `DIR`.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).replace(&*self.root.to_string_lossy(), "DIR")
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.line, self.stdout()))
    }
}

/// First moment of [`small_cluster`]: 2026-01-05T00:00:00Z.
pub const SMALL_START_MS: i64 = 1_767_571_200_000;
/// Samples of [`small_cluster`].
pub const SMALL_SAMPLES: u64 = 3 * 4 * 360;

/// One hour of three nodes, four metrics, a sample every 10 s, as long CSV. Simple numbers, so that sums can be told by
/// hand: sample `i` of node `n` (from 1) is `n * 10 + i % 7` percent, a counter that grows by `n` kB, and so on.
pub fn small_cluster() -> String {
    let mut csv = String::from("timestamp_ms,node,metric,value\n");
    for i in 0..360_i64 {
        let ts = SMALL_START_MS + i * 10_000;
        for n in 1..=3_i64 {
            let node = format!("db-{n}");
            csv += &format!("{ts},{node},cpu_percent,{}\n", n * 10 + i % 7);
            csv += &format!("{ts},{node},memory_percent,{}.5\n", 40 + n);
            csv += &format!("{ts},{node},disk_read_bytes_total,{}\n", i * n * 10_000);
            csv += &format!("{ts},{node},load1,0.{n}\n");
        }
    }
    csv
}

/// Tells what a test has counted on its way, for the README's table: case | what was done | how often | what came of it. tests/run.sh
/// collects these lines.
pub fn figure(line: std::fmt::Arguments<'_>) {
    println!("{line}");
    let Some(path) = std::env::var_os("NODEBOOK_TEST_FIGURES") else { return };
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
