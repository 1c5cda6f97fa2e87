//! `/metrics`: what we ourselves do, for those who scrape us.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};

use super::answer::{Refusal, text};
use super::face::Hall;
use super::tally::Exposition;
use crate::model::TimeRange;
use crate::store::{Reader, StoreError};

/// Media type of the Prometheus text format.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page.
pub(super) async fn metrics(State(hall): State<Arc<Hall>>) -> Result<Response<Body>, Refusal> {
    let db = hall.face.db.clone();
    let known = match hall.sources.is_engine() {
        true => None,
        false => hall.looks.run(move || Ok(database(&db).ok())).await?,
    };
    let mut out = Exposition::default();
    let version = format!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    out.family("nodebook_build_info", "gauge", "The program, as a label.");
    out.sample("nodebook_build_info", &version, 1.0);
    let started = hall.started.millis() as f64 / 1e3;
    out.one("process_start_time_seconds", "gauge", "When the program was started.", started);
    #[cfg(target_os = "linux")]
    process(&mut out);
    out.one("nodebook_http_connections", "gauge", "Open connections.", hall.connections.len() as f64);
    hall.tally.expose(&mut out);
    if let Some(desk) = &hall.desk {
        desk.expose(&mut out);
    }
    if let Some(figures) = &hall.face.figures {
        figures.expose(&mut out);
    }
    if let Some(Known { bytes, series, span }) = known {
        out.one("nodebook_database_bytes", "gauge", "Size of the database and its log.", bytes as f64);
        out.one("nodebook_series", "gauge", "Series in the database.", series as f64);
        if let Some(span) = span {
            let latest = (span.to().millis() - 1) as f64 / 1e3;
            out.one("nodebook_latest_sample_seconds", "gauge", "Time of the latest sample.", latest);
        }
    }
    Ok(text(StatusCode::OK, MEDIA_TYPE, out.0))
}

struct Known {
    bytes: u64,
    series: usize,
    span: Option<TimeRange>,
}

fn database(path: &std::path::Path) -> Result<Known, StoreError> {
    let reader = Reader::open(path)?;
    let log = path.as_os_str().to_owned().into_string().map(|name| name + "-wal").unwrap_or_default();
    let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let bytes = size(path) + size(std::path::Path::new(&log));
    Ok(Known { bytes, series: reader.series()?.len(), span: reader.span()? })
}

/// Memory and time of the process; what the system does not tell is left out.
#[cfg(target_os = "linux")]
fn process(out: &mut Exposition) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<f64>().ok());
    if let Some(kilobytes) = kilobytes {
        out.one("process_resident_memory_bytes", "gauge", "Memory in use.", kilobytes * 1024.0);
    }
    // Fields 14 and 15, counted behind the name, which may hold spaces; in hundredths of a second on every Linux that we run on.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok());
    if let (Some(user), Some(system)) = (ticks(11), ticks(12)) {
        out.one("process_cpu_seconds_total", "counter", "Time on a processor.", (user + system) / 100.0);
    }
}
