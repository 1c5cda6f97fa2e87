//! Real engines on loopback, and a gate before them that answers as a cluster with something missing does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(90);

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A VictoriaMetrics or a Prometheus with a directory of its own; killed when it is dropped.
pub struct EngineProcess {
    program: &'static str,
    arguments: Vec<String>,
    port: u16,
    /// What is asked to find out whether it answers.
    ready: &'static str,
    child: Option<Child>,
}

impl EngineProcess {
    /// VictoriaMetrics with its data in `dir`; `None`, and a word, where it is not installed.
    pub fn victoria(dir: &Path) -> Option<EngineProcess> {
        EngineProcess::victoria_with(dir, &[])
    }

    /// The same with other flags too.
    pub fn victoria_with(dir: &Path, flags: &[&str]) -> Option<EngineProcess> {
        let port = free_port();
        let mut arguments = vec![
            format!("-storageDataPath={}", dir.display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-retentionPeriod=1200".to_owned(),
            "-dedup.minScrapeInterval=1ms".to_owned(),
            "-memory.allowedBytes=256MB".to_owned(),
            "-search.latencyOffset=1s".to_owned(),
        ];
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        EngineProcess { program: "victoria-metrics", arguments, port, ready: "", child: None }.started("/health")
    }

    /// Prometheus with its data in `dir`, which is made.
    pub fn prometheus(dir: &Path, config: &str) -> Option<EngineProcess> {
        let port = free_port();
        std::fs::create_dir_all(dir).unwrap();
        let file = PathBuf::from(format!("{}.yml", dir.display()));
        std::fs::write(&file, config).unwrap();
        let arguments = vec![
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", dir.display()),
            "--storage.tsdb.retention.time=100y".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.enable-remote-write-receiver".to_owned(),
        ];
        EngineProcess { program: "prometheus", arguments, port, ready: "", child: None }.started("/-/ready")
    }

    fn started(mut self, ready: &'static str) -> Option<EngineProcess> {
        if !self.spawn() {
            println!("skipped: there is no {} here", self.program);
            return None;
        }
        self.ready = ready;
        self.until_ready();
        Some(self)
    }

    /// Waits until it answers.
    pub fn until_ready(&self) {
        let start = Instant::now();
        while !self.get(self.ready).is_some_and(|answer| answer.contains(" 200 ")) {
            assert!(start.elapsed() < PATIENCE, "{} does not answer", self.program);
            thread::park_timeout(Duration::from_millis(30));
        }
    }

    fn spawn(&mut self) -> bool {
        let mut command = Command::new(self.program);
        self.child = command.args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok();
        self.child.is_some()
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it anew, over the same data.
    pub fn start_again(&mut self) {
        assert!(self.spawn());
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// `GET path`, with the head of the answer; `None` where nobody answers.
    pub fn get(&self, path: &str) -> Option<String> {
        exchange(self.port, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
    }

    /// Takes JSON lines in, and makes them to be seen at once.
    pub fn import(&self, lines: &[u8]) {
        let head = format!("POST /api/v1/import HTTP/1.0\r\ncontent-length: {}\r\n\r\n", lines.len());
        let answer = exchange(self.port, &[head.as_bytes(), lines].concat()).unwrap();
        assert!(answer.contains(" 204 "), "{answer}");
        self.get("/internal/force_flush").unwrap();
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn exchange(port: u16, request: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// What a gate does.
#[derive(Clone, Default)]
pub struct GateRules {
    /// Put behind `"status":"success"` of every answer.
    pub adds: &'static str,
    /// So many questions are answered by 503 first.
    pub busy: usize,
    /// A header line (in lower case) without which 401 is answered.
    pub wants: Option<&'static str>,
    /// After so many questions the process is killed as `kill -9` does, before it hears the next one.
    pub kills: Option<(usize, u32)>,
    /// After so many questions half of an answer is given, and then none at all.
    pub cuts: Option<usize>,
}

/// A real HTTP server before an engine, whose answers it changes as its rules say.
pub struct Gate {
    port: u16,
    /// How many questions came.
    pub asked: Arc<AtomicUsize>,
}

impl Gate {
    /// Opens it. It lives as long as the test's process.
    pub fn before(engine: &EngineProcess, rules: GateRules) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, behind) = (listener.local_addr().unwrap().port(), engine.port);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (rules, number) = (rules.clone(), count.fetch_add(1, Ordering::Relaxed));
                thread::spawn(move || answer(stream, behind, &rules, number));
            }
        });
        Gate { port, asked }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn answer(mut stream: TcpStream, behind: u16, rules: &GateRules, number: usize) {
    let (mut request, mut buffer) = (Vec::new(), [0; 65_536]);
    let (head, length) = loop {
        let n = stream.read(&mut buffer).unwrap_or(0);
        if n == 0 {
            return;
        }
        request.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            break (text[..end].to_owned(), end + 4 + length.unwrap_or(0_usize));
        }
    };
    while request.len() < length {
        let n = stream.read(&mut buffer).unwrap_or(0);
        request.extend_from_slice(&buffer[..n]);
    }
    let reply = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    if let Some((_, process)) = rules.kills.filter(|(after, _)| *after == number) {
        assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
    }
    if rules.cuts.is_some_and(|after| number > after) {
        return;
    }
    let said = if number < rules.busy {
        reply("503 Service Unavailable", "busy")
    } else if rules.wants.is_some_and(|line| !head.contains(line)) {
        reply("401 Unauthorized", "who are you?")
    } else {
        // HTTP/1.0, so that the answer is not cut in chunks.
        let text = String::from_utf8_lossy(&request).replacen("HTTP/1.1", "HTTP/1.0", 1);
        let Some(answer) = exchange(behind, text.as_bytes()) else { return };
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.lines().next().unwrap_or_default().split_once(' ').map_or("502", |(_, status)| status);
        let changed = format!("\"status\":\"success\"{}", rules.adds);
        reply(status, &body.replacen("\"status\":\"success\"", &changed, 1))
    };
    let given = if rules.cuts == Some(number) { said.len() / 2 } else { said.len() };
    let _ = stream.write_all(&said.as_bytes()[..given]);
}
