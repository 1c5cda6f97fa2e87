use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use rusqlite::{Connection, Row};

use crate::model::{Kind, Labels, MetricMeta, MetricName, NodeName, Series, SeriesId, SeriesKey, limits};

use super::StoreError;
use super::checksum::RowChecksum;

/// What is known of a metric.
#[derive(Clone, Debug, PartialEq)]
struct Metric {
    id: i64,
    name: MetricName,
    kind: Kind,
    unit: Option<String>,
    help: Option<String>,
}

impl Metric {
    fn new(id: i64, name: MetricName) -> Metric {
        let kind = Kind::from_name(name.as_str());
        Metric { id, name, kind, unit: None, help: None }
    }

    /// Takes what a source said; what it did not say stays. Returns whether anything is different now.
    fn learn(&mut self, meta: &MetricMeta) -> bool {
        let mut changed = false;
        if let Some(kind) = meta.kind.filter(|kind| *kind != self.kind) {
            self.kind = kind;
            changed = true;
        }
        for (mine, said) in [(&mut self.unit, &meta.unit), (&mut self.help, &meta.help)] {
            if said.is_some() && *mine != *said {
                mine.clone_from(said);
                changed = true;
            }
        }
        changed
    }

    fn checksum(&self) -> i64 {
        let row = RowChecksum::of("metric").int(self.id).text(self.name.as_str()).text(self.kind.as_str());
        row.optional_text(self.unit.as_deref()).optional_text(self.help.as_deref()).stored()
    }
}

/// The names of a file and their numbers, as the writer knows them. What is new is kept until [`Catalog::write`] puts it
/// into the transaction of the samples that need it.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    nodes: HashMap<NodeName, i64>,
    node_last: i64,
    metrics: HashMap<MetricName, usize>,
    metric_rows: Vec<Metric>,
    metric_last: i64,
    series: HashMap<SeriesKey, SeriesId>,
    series_last: u32,
    new_nodes: Vec<(i64, NodeName)>,
    changed_metrics: Vec<usize>,
    new_series: Vec<(SeriesId, SeriesKey)>,
}

impl Catalog {
    pub(super) fn load(conn: &Connection) -> Result<Catalog, StoreError> {
        let mut catalog = Catalog::default();
        for (id, name) in load_nodes(conn)? {
            catalog.node_last = catalog.node_last.max(id);
            catalog.nodes.insert(name, id);
        }
        for (id, metric) in load_metrics(conn)? {
            catalog.metric_last = catalog.metric_last.max(id);
            catalog.metrics.insert(metric.name.clone(), catalog.metric_rows.len());
            catalog.metric_rows.push(metric);
        }
        for series in load_series(conn)? {
            catalog.series_last = catalog.series_last.max(series.id.0);
            catalog.series.insert(series.key, series.id);
        }
        Ok(catalog)
    }

    /// The number of a series, given to it now if it is new.
    pub(super) fn resolve(&mut self, key: &SeriesKey, meta: Option<&MetricMeta>) -> Result<SeriesId, StoreError> {
        if let Some(id) = self.series.get(key).copied() {
            if let Some(meta) = meta {
                self.learn(&key.metric, meta);
            }
            return Ok(id);
        }
        if self.series.len() >= limits::SERIES_MAX {
            return Err(StoreError::TooManySeries { limit: limits::SERIES_MAX });
        }
        if !self.nodes.contains_key(&key.node) {
            self.node_last += 1;
            self.nodes.insert(key.node.clone(), self.node_last);
            self.new_nodes.push((self.node_last, key.node.clone()));
        }
        if !self.metrics.contains_key(&key.metric) {
            let index = self.metric_rows.len();
            self.metric_last += 1;
            self.metric_rows.push(Metric::new(self.metric_last, key.metric.clone()));
            self.metrics.insert(key.metric.clone(), index);
            self.changed_metrics.push(index);
        }
        if let Some(meta) = meta {
            self.learn(&key.metric, meta);
        }
        self.series_last += 1;
        let id = SeriesId(self.series_last);
        self.series.insert(key.clone(), id);
        self.new_series.push((id, key.clone()));
        Ok(id)
    }

    fn learn(&mut self, metric: &MetricName, meta: &MetricMeta) {
        let Some(index) = self.metrics.get(metric).copied() else { return };
        if self.metric_rows[index].learn(meta) {
            self.changed_metrics.push(index);
        }
    }

    /// Writes what is new since the last time. If the transaction fails, the catalog has to be loaded again.
    pub(super) fn write(&mut self, conn: &Connection) -> Result<(), StoreError> {
        if !self.new_nodes.is_empty() {
            let mut insert = conn.prepare_cached("INSERT INTO node (id, name, crc) VALUES (?1, ?2, ?3)")?;
            for (id, name) in self.new_nodes.drain(..) {
                insert.execute((id, name.as_str(), node_checksum(id, name.as_str())))?;
            }
        }
        if !self.changed_metrics.is_empty() {
            let mut upsert = conn.prepare_cached(
                "INSERT INTO metric (id, name, kind, unit, help, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (id) DO UPDATE SET kind = ?3, unit = ?4, help = ?5, crc = ?6",
            )?;
            for index in self.changed_metrics.drain(..) {
                let m = &self.metric_rows[index];
                upsert.execute((m.id, m.name.as_str(), m.kind.as_str(), &m.unit, &m.help, m.checksum()))?;
            }
        }
        if !self.new_series.is_empty() {
            let mut insert = conn.prepare_cached(
                "INSERT INTO series (id, node_id, metric_id, labels, crc) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for (id, key) in self.new_series.drain(..) {
                let node = self.nodes[&key.node];
                let metric = self.metric_rows[self.metrics[&key.metric]].id;
                let labels = key.labels.to_json();
                insert.execute((id.0, node, metric, &labels, series_checksum(id.0, node, metric, &labels)))?;
            }
        }
        Ok(())
    }
}

fn node_checksum(id: i64, name: &str) -> i64 {
    RowChecksum::of("node").int(id).text(name).stored()
}

fn series_checksum(id: u32, node: i64, metric: i64, labels: &str) -> i64 {
    RowChecksum::of("series").ints([i64::from(id), node, metric]).text(labels).stored()
}

fn bad_row(table: &str, id: i64) -> StoreError {
    StoreError::damaged(format!("row {id} of `{table}` does not match its checksum"))
}

const NODES: &str = "SELECT id, name, crc FROM node ORDER BY id";
const METRICS: &str = "SELECT id, name, kind, unit, help, crc FROM metric ORDER BY id";
const SERIES: &str = "SELECT id, node_id, metric_id, labels, crc FROM series ORDER BY id";
const SERIES_AFTER: &str = "SELECT id, node_id, metric_id, labels, crc FROM series WHERE id > ?1 ORDER BY id";

fn node_of(row: &Row<'_>) -> Result<(i64, NodeName), StoreError> {
    let (id, name): (i64, String) = (row.get(0)?, row.get(1)?);
    if row.get::<_, i64>(2)? != node_checksum(id, &name) {
        return Err(bad_row("node", id));
    }
    Ok((id, NodeName::new(&name).map_err(|_| bad_row("node", id))?))
}

fn metric_of(row: &Row<'_>) -> Result<(i64, Metric), StoreError> {
    let id: i64 = row.get(0)?;
    let name = MetricName::new(&row.get::<_, String>(1)?).map_err(|_| bad_row("metric", id))?;
    let kind = Kind::from_str(&row.get::<_, String>(2)?).map_err(|()| bad_row("metric", id))?;
    let metric = Metric { id, name, kind, unit: row.get(3)?, help: row.get(4)? };
    if row.get::<_, i64>(5)? != metric.checksum() {
        return Err(bad_row("metric", id));
    }
    Ok((id, metric))
}

/// The number of a series' node, of a row of [`SERIES`].
fn node_number(row: &Row<'_>) -> Result<i64, StoreError> {
    let (number, node, metric): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let json: String = row.get(3)?;
    let id = u32::try_from(number).map_err(|_| bad_row("series", number))?;
    let fits = row.get::<_, i64>(4)? == series_checksum(id, node, metric, &json);
    if fits { Ok(node) } else { Err(bad_row("series", number)) }
}

fn series_of(
    row: &Row<'_>,
    nodes: &HashMap<i64, NodeName>,
    metrics: &HashMap<i64, Metric>,
) -> Result<Series, StoreError> {
    let (number, node, metric): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let bad = || bad_row("series", number);
    let id = u32::try_from(number).map_err(|_| bad())?;
    let json: String = row.get(3)?;
    if row.get::<_, i64>(4)? != series_checksum(id, node, metric, &json) {
        return Err(bad());
    }
    let node = nodes.get(&node).ok_or_else(bad)?.clone();
    let metric = metrics.get(&metric).ok_or_else(bad)?;
    let labels = Labels::from_json(&json).map_err(|_| bad())?;
    let key = SeriesKey { node, metric: metric.name.clone(), labels };
    let (unit, help) = (metric.unit.clone(), metric.help.clone());
    Ok(Series { id: SeriesId(id), key, kind: metric.kind, unit, help })
}

/// All rows of a table of names, or an error.
fn load<T, C: FromIterator<T>>(
    conn: &Connection,
    sql: &str,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<C, StoreError> {
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_and_then([], |row| read(row))?;
    rows.collect()
}

/// Those that can be read.
fn salvage<T, C: FromIterator<T>>(conn: &Connection, sql: &str, read: impl Fn(&Row<'_>) -> Result<T, StoreError>) -> C {
    let mut found = Vec::new();
    for sql in [sql.to_owned(), format!("{sql} DESC")] {
        let Ok(mut select) = conn.prepare(&sql) else { continue };
        let Ok(mut rows) = select.query([]) else { continue };
        while let Ok(Some(row)) = rows.next() {
            found.extend(read(row).ok());
        }
    }
    found.into_iter().collect()
}

fn load_nodes(conn: &Connection) -> Result<HashMap<i64, NodeName>, StoreError> {
    load(conn, NODES, node_of)
}

/// Every node, by name.
pub(super) fn load_node_names(conn: &Connection) -> Result<BTreeSet<NodeName>, StoreError> {
    Ok(load_nodes(conn)?.into_values().collect())
}

fn load_metrics(conn: &Connection) -> Result<HashMap<i64, Metric>, StoreError> {
    load(conn, METRICS, metric_of)
}

/// Every series of the file, by number. Reads on the snapshot of `conn`, as everything here does.
pub(crate) fn load_series(conn: &Connection) -> Result<Vec<Series>, StoreError> {
    let (nodes, metrics) = (load_nodes(conn)?, load_metrics(conn)?);
    load(conn, SERIES, |row| series_of(row, &nodes, &metrics))
}

/// The same of those after one; where there is none, no other name is read.
pub(super) fn load_series_after(conn: &Connection, last: SeriesId) -> Result<Vec<Series>, StoreError> {
    let mut select = conn.prepare_cached(SERIES_AFTER)?;
    if !select.exists([last.0])? {
        return Ok(Vec::new());
    }
    let (nodes, metrics) = (load_nodes(conn)?, load_metrics(conn)?);
    select.query_and_then([last.0], |row| series_of(row, &nodes, &metrics))?.collect()
}

/// What is left of the names of a damaged file.
pub(super) struct Salvaged {
    /// The series whose metrics still have their names; some of them twice.
    pub(super) series: Vec<Series>,
    /// Nodes whose names are lost and whose series are not: by number, with the names they are given.
    pub(super) renamed: Vec<(i64, NodeName)>,
}

pub(super) fn salvage_series(conn: &Connection) -> Salvaged {
    let (mut nodes, metrics): (HashMap<i64, NodeName>, _) =
        (salvage(conn, NODES, node_of), salvage(conn, METRICS, metric_of));
    // A row of a series has a checksum of its own: the number of its node is right, whatever became of that one's row.
    let numbers: BTreeSet<i64> = salvage(conn, SERIES, node_number);
    let mut renamed = Vec::new();
    for number in numbers {
        if nodes.contains_key(&number) {
            continue;
        }
        let names = std::iter::once(format!("node-{number}")).chain((2..).map(|n| format!("node-{number}-{n}")));
        let free = names.filter_map(|name| NodeName::new(&name).ok()).find(|name| !nodes.values().any(|n| n == name));
        if let Some(name) = free {
            nodes.insert(number, name.clone());
            renamed.push((number, name));
        }
    }
    let series = salvage(conn, SERIES, |row| series_of(row, &nodes, &metrics));
    Salvaged { series, renamed }
}

/// The name of one series for an error text; its number where the names are damaged too.
pub(super) fn series_name(conn: &Connection, id: SeriesId) -> String {
    let find = |all: Vec<Series>| all.into_iter().find(|s| s.id == id).map(|s| s.key.to_string());
    load_series(conn).ok().and_then(find).unwrap_or_else(|| format!("series {}", id.0))
}
