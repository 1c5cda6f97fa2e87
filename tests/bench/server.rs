//! A recorder that listens, and those who push to it and read from it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_nodebook");

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Now, in ms.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn field(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The labels of a series, as they travel.
pub fn labels(metric: &str, node: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for (key, value) in [("__name__", metric), ("instance", node), ("job", "app")] {
        let mut pair = Vec::new();
        field(&mut pair, 1, key.as_bytes());
        field(&mut pair, 2, value.as_bytes());
        field(&mut all, 1, &pair);
    }
    all
}

/// A request with a sample of each series at `ms`.
pub fn request(series: &[Vec<u8>], ms: u64, value: impl Fn(usize) -> f64) -> Vec<u8> {
    let mut message = Vec::new();
    for (i, labels) in series.iter().enumerate() {
        let mut sample = vec![0x09];
        sample.extend_from_slice(&value(i).to_le_bytes());
        sample.push(0x10);
        varint(&mut sample, ms);
        let mut one = labels.clone();
        field(&mut one, 2, &sample);
        field(&mut message, 1, &one);
    }
    snap::raw::Encoder::new().compress_vec(&message).unwrap_or_default()
}

/// A connection that is kept.
pub struct Connection {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Connection {
    pub fn open(address: &str) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(300)))?;
        Ok(Connection { stream: BufReader::new(stream), address: address.to_owned() })
    }

    /// A request of remote write; its status.
    pub fn post(&mut self, body: &[u8]) -> std::io::Result<u16> {
        let length = body.len();
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nhost: {}\r\ncontent-encoding: snappy\r\ncontent-length: {length}\r\n\r\n",
            self.address
        );
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        Ok(self.answer()?.0)
    }

    /// `GET path`: the status and the body.
    pub fn get(&mut self, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        self.stream.get_mut().write_all(head.as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> std::io::Result<(u16, Vec<u8>)> {
        let (mut status, mut length) = (0, 0);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if status == 0 {
                status = line.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
            } else if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = text.parse().unwrap_or(0);
            }
        }
        let mut body = Vec::new();
        self.stream.by_ref().take(length).read_to_end(&mut body)?;
        Ok((status, body))
    }

    /// The next line of what comes.
    pub fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Begins to ask for a stream.
    pub fn listen(&mut self, path: &str) -> std::io::Result<()> {
        write!(self.stream.get_mut(), "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address)
    }
}

/// A recorder of this machine, every second, that listens; and where.
pub fn recorder(dir: &Path) -> (Child, String) {
    let mut command = Command::new(PROGRAM);
    command.args(["record", "--interval", "1s", "--node", "here", "--listen", "127.0.0.1:0"]).current_dir(dir);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let stderr = child.stderr.take().expect("its stderr");
    let mut lines = BufReader::new(stderr).lines();
    let url =
        lines.by_ref().map_while(Result::ok).find_map(|line| line.split_once("://").map(|(_, rest)| rest.to_owned()));
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("  recorder: {line}")));
    (child, url.expect("it says where it listens"))
}

/// Asks a process to end, and waits.
pub fn stop(mut child: Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let _ = child.wait();
}

/// CPU seconds and peak memory in MB of a process.
pub fn costs(pid: u32) -> (f64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    ((ticks(11) + ticks(12)) / 100.0, peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024)
}

/// The lines of a query's answer.
pub fn sql(dir: &Path, query: &str) -> Vec<String> {
    let done =
        Command::new(PROGRAM).args(["sql", "--format", "csv", "--time-limit", "5m", query]).current_dir(dir).output();
    let text = done.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// How even the recorder's own interval was kept between two moments: its readings, the gaps of more than one and a half intervals, and the longest, ms.
pub fn readings(dir: &Path, from_ms: u64, to_ms: u64) -> (usize, usize, i64) {
    let query = format!(
        "SELECT DISTINCT ts FROM samples WHERE node = 'here' AND metric = 'load1' AND ts >= {from_ms} AND ts < {to_ms} ORDER BY ts"
    );
    let times: Vec<i64> = sql(dir, &query).iter().filter_map(|text| text.parse().ok()).collect();
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    (times.len(), gaps.iter().filter(|gap| **gap > 1_500).count(), gaps.iter().copied().max().unwrap_or(0))
}
