use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::model::SeriesId;

use super::chunk::ChunkReader;
use super::rollup::Resolution;
use super::setting::Setting;
use super::window::WindowSet;
use super::{StoreError, head, reader, schema};

/// What is in a file and what it costs; `info --json` prints exactly this.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoreInfo {
    /// The file.
    pub path: String,
    /// Its schema version.
    pub schema: i64,
    /// Its size, with the write-ahead log.
    pub bytes: u64,
    /// Nodes.
    pub nodes: u64,
    /// Metrics.
    pub metrics: u64,
    /// Series.
    pub series: u64,
    /// Raw samples, each once: a late one that waits in the head to replace a sealed one is in both of their layers.
    pub samples: u64,
    /// The first sample, RFC 3339 UTC.
    pub from: Option<String>,
    /// The last sample, RFC 3339 UTC.
    pub to: Option<String>,
    /// Bytes of the whole file a raw sample; `None` where there is none.
    pub bytes_per_sample: Option<f64>,
    /// By layer.
    pub layers: Layers,
    /// Bytes of the write-ahead log beside it.
    #[serde(skip)]
    pub log_bytes: u64,
}

/// The layers of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Layers {
    /// Recent rows.
    pub head: Layer,
    /// Sealed samples and their times.
    pub chunk: Layer,
    /// Hourly aggregates, and the quantile sketches of hours whose samples were pruned.
    pub rollup_1h: Layer,
    /// Daily aggregates, and the sketches of days whose hours were pruned.
    pub rollup_1d: Layer,
}

/// One layer of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// Samples in it; for a rollup its rows.
    pub samples: u64,
    /// What its pages take in the file.
    pub bytes: u64,
}

pub(super) fn info(conn: &Connection, windows: &WindowSet, path: &Path) -> Result<StoreInfo, StoreError> {
    let span = reader::span(conn, windows)?;
    let count = |table: &str| number(conn, &format!("SELECT count(*) FROM main.{table}"));
    let layers = Layers {
        head: Layer { samples: head::count(conn)?, bytes: bytes_of(conn, &["sample"])? },
        chunk: Layer {
            samples: number(conn, "SELECT coalesce(sum(n), 0) FROM chunk")?,
            bytes: bytes_of(conn, &["chunk", "chunk_time"])?,
        },
        rollup_1h: rollup_layer(conn, Resolution::Hour)?,
        rollup_1d: rollup_layer(conn, Resolution::Day)?,
    };
    let log_bytes = std::fs::metadata(super::file::beside(path, "-wal")).map_or(0, |m| m.len());
    let bytes = file_bytes(conn)? + log_bytes;
    let samples = layers.head.samples + layers.chunk.samples - replacing(conn, windows)?;
    Ok(StoreInfo {
        path: path.display().to_string(),
        schema: schema::version(conn)?,
        bytes,
        nodes: count("node")?,
        metrics: count("metric")?,
        series: count("series")?,
        samples,
        from: span.map(|s| s.from().to_rfc3339()),
        to: span.map(|s| s.to().plus_millis(-1).to_rfc3339()),
        bytes_per_sample: (samples > 0).then(|| bytes as f64 / samples as f64),
        layers,
        log_bytes,
    })
}

/// Samples of the head that replace sealed ones with the next seal. Only late ones can, and they are few.
fn replacing(conn: &Connection, windows: &WindowSet) -> Result<u64, StoreError> {
    let Some(sealed_until) = Setting::SealedUntil.read(conn)? else { return Ok(0) };
    let mut late = conn.prepare("SELECT ts, series_id FROM sample WHERE ts < ?1 ORDER BY ts, series_id")?;
    let mut rows = late.query([sealed_until])?;
    let (mut reader, mut found) = (ChunkReader::new(conn), 0);
    while let Some(row) = rows.next()? {
        let (ts, series) = (row.get(0)?, SeriesId(row.get(1)?));
        if let Some(window) = windows.find(conn, series, ts)? {
            // What is damaged is told by `check`; the rest is told here all the same.
            found += u64::from(reader.has(window, series, ts).unwrap_or(false));
        }
    }
    Ok(found)
}

fn rollup_layer(conn: &Connection, resolution: Resolution) -> Result<Layer, StoreError> {
    let table = resolution.table();
    let samples = number(conn, &format!("SELECT count(*) FROM main.{table}"))?;
    Ok(Layer { samples, bytes: bytes_of(conn, &[table, resolution.sketch_table()])? })
}

fn number(conn: &Connection, sql: &str) -> Result<u64, StoreError> {
    Ok(conn.query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

fn bytes_of(conn: &Connection, tables: &[&str]) -> Result<u64, StoreError> {
    let mut select =
        conn.prepare_cached("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?1 AND aggregate = TRUE")?;
    let mut bytes = 0;
    for table in tables {
        bytes += select.query_row([table], |row| row.get::<_, i64>(0))?.unsigned_abs();
    }
    Ok(bytes)
}

fn file_bytes(conn: &Connection) -> Result<u64, StoreError> {
    let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page_size: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok((pages * page_size).unsigned_abs())
}
