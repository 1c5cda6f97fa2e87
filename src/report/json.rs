//! `-o x.json`: everything that the page shows, for programs. The names below are kept; new ones may come.
//!
//! ```text
//! format "nodebook-report", v 1, nodebook (version), title, from, to (RFC 3339 with offset), period, timezone, masks (sentences; may be empty)
//! verdict {status: ok | warn | bad, text}
//! findings [{kind, severity, node, metric, from, to, text}], findings_hidden (in words), checked
//! sections [{id, title}] in the order of the page
//! tiles [{metric, label, agg, value, delta?, text, change, detail}]: value and delta exact, the others as shown
//! charts [{id, metric, title, subtitle, text, table: {caption, head, rows, note}}]
//! incidents [{kind, severity, node, metric, series, from, to, value, expected, others, sql}]: anomalies and changes
//! correlation [{node, metric, from, to, r, size, members, text, sql}]
//! capacity [{severity, node, metric, from, to, days_left, full_on, between, growth, text, sql}]
//! compare null | {text, nodes, changes: [{word, node, metric, text}], rule, table}
//! nodes [{node, complete (0 to 1), cells: [{metric, agg, value, delta?}]}]
//! quality {summary, resolution, nodes: [{node, interval, expected, present, complete, gaps, longest_gap}], gaps: [{node, from, to, length}]}
//! events [{when, nodes, text, change}]
//! method [{title, metric, made_of}]
//! data null (--interactive off) | {grid: {start, step, len} (ms), before?: {from, to, shift}, metrics: [{name, title, unit, section, worse, capacity,
//!      all: SERIES, rows: [{node, part?, …SERIES}]}]}, where SERIES is {avg, min?, max?, before?}: a value a bucket, null for a gap, to the
//!      page's resolution; before is the other period, drawn `shift` later than it was
//! origin {file, hash, series, command, made}
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::codec::page::Columns;

use super::charts::PageData;
use super::error::ReportError;
use super::view::{Chart, Table, View};

/// Digits that the page's values have.
const DIGITS: usize = 7;

/// The view data as JSON.
pub fn json(view: &View) -> Result<String, ReportError> {
    let header = &view.header;
    let data = view.data.as_ref().map(data).transpose()?.unwrap_or(Value::Null);
    let findings = view.findings.shown.iter().map(|f| {
        json!({
            "kind": f.kind, "severity": f.severity, "node": f.node, "metric": f.metric, "from": f.from, "to": f.to, "text": f.text,
            "value": f.value, "expected": f.expected, "unit": f.unit, "strength": f.strength,
            "chart": f.link.trim_start_matches('#'), "sql": f.sql,
        })
    });
    let sections = view.sections.placed.iter().map(|s| json!({"id": s.id.name(), "title": s.title}));
    let value = json!({
        "format": "nodebook-report",
        "v": 1,
        "nodebook": header.version,
        "title": header.title,
        "from": header.from,
        "to": header.to,
        "period": header.period,
        "timezone": header.zone,
        "masks": header.masks,
        "verdict": {"status": header.verdict, "text": header.verdict_text},
        "findings": findings.collect::<Value>(),
        "findings_hidden": view.findings.more,
        "checked": view.findings.checked,
        "sections": sections.collect::<Value>(),
        "tiles": tiles(view),
        "charts": charts(view),
        "incidents": incidents(view),
        "correlation": correlation(view),
        "capacity": capacity(view),
        "compare": compare(view),
        "nodes": nodes(view),
        "quality": quality(view),
        "events": view.events.iter()
            .map(|e| json!({"when": e.when, "nodes": e.nodes, "text": e.text, "change": e.change})).collect::<Value>(),
        "method": view.method.metrics.iter()
            .map(|(title, metric, made_of)| json!({"title": title, "metric": metric, "made_of": made_of})).collect::<Value>(),
        "data": data,
        "origin": {
            "file": view.footer.origin, "hash": view.footer.hash, "series": view.footer.series,
            "command": view.footer.command, "made": view.footer.made,
        },
    });
    Ok(format!("{value}\n"))
}

/// A number that is kept as text; null where it is unknown.
fn number(exact: &str) -> Value {
    exact.parse::<f64>().map_or(Value::Null, Value::from)
}

/// An object with the change, where there is one.
fn with_delta(mut object: Value, exact_delta: &str) -> Value {
    if let (Some(fields), false) = (object.as_object_mut(), exact_delta.is_empty()) {
        fields.insert("delta".to_owned(), number(exact_delta));
    }
    object
}

fn tiles(view: &View) -> Value {
    let one = |tile: &super::view::Tile| {
        let object = json!({
            "metric": tile.metric, "label": tile.label, "agg": tile.agg, "value": number(&tile.exact),
            "text": tile.value, "change": tile.delta, "detail": tile.detail,
        });
        with_delta(object, &tile.exact_delta)
    };
    view.tiles.tiles.iter().map(one).collect()
}

fn charts(view: &View) -> Value {
    let chart = |id: &str, metric: &str, title: &str, subtitle: &str, text: &str, of: &Table| json!({"id": id, "metric": metric, "title": title, "subtitle": subtitle, "text": text, "table": table(of)});
    let line = |c: &Chart| chart(&c.id, &c.metric, &c.title, &c.subtitle, &c.sentence, &c.table);
    let mut all: Vec<Value> = view.resources.iter().chain(&view.io).map(line).collect();
    if let Some(partitions) = &view.partitions {
        let bars = partitions.bars.iter();
        all.extend(bars.map(|b| chart(&b.id, &b.metric, &b.title, &b.subtitle, &b.sentence, &b.table)));
        all.extend(partitions.lines.iter().map(line));
    }
    all.extend(view.heatmap.iter().map(|h| chart(&h.id, &h.metric, &h.title, &h.subtitle, &h.sentence, &h.table)));
    all.extend(view.other.charts.iter().map(line));
    Value::Array(all)
}

fn table(table: &Table) -> Value {
    json!({"caption": table.caption, "head": table.head, "rows": table.rows, "note": table.note})
}

fn incidents(view: &View) -> Value {
    let rows = view.incidents.iter().flat_map(|incidents| &incidents.rows);
    rows.map(|r| {
        json!({
            "kind": r.kind, "severity": r.severity, "node": r.node, "metric": r.metric, "series": r.series,
            "from": r.from, "to": r.to, "value": number(&r.exact_value), "expected": number(&r.exact_expected),
            "others": r.others, "sql": r.sql,
        })
    })
    .collect()
}

fn correlation(view: &View) -> Value {
    let groups = view.correlation.iter().flat_map(|correlation| &correlation.groups);
    groups
        .map(|g| {
            json!({
                "node": g.node, "metric": g.metric, "from": g.from, "to": g.to, "r": number(&g.exact_r),
                "size": g.size, "members": g.members, "closest": g.closest, "text": g.text, "sql": g.sql,
            })
        })
        .collect()
}

fn capacity(view: &View) -> Value {
    let rows = view.capacity.iter().flat_map(|capacity| &capacity.rows);
    rows.map(|r| {
        json!({
            "severity": r.severity, "node": r.node, "metric": r.metric, "from": r.from, "to": r.to,
            "days_left": number(&r.exact_days), "full_on": r.full_on, "between": r.between, "growth": r.growth,
            "text": r.text, "sql": r.sql,
        })
    })
    .collect()
}

fn compare(view: &View) -> Value {
    let Some(compare) = &view.compare else { return Value::Null };
    let told =
        |t: &super::view::compare::Told| json!({"word": t.word, "node": t.node, "metric": t.metric, "text": t.text});
    json!({
        "text": compare.lead,
        "nodes": compare.nodes,
        "changes": compare.shown.iter().map(told).collect::<Value>(),
        "rule": compare.rule,
        "table": table(&compare.table),
    })
}

fn nodes(view: &View) -> Value {
    let cell = |c: &super::view::NodeCell| {
        with_delta(json!({"metric": c.metric, "agg": c.agg, "value": number(&c.exact)}), &c.exact_delta)
    };
    let row = |r: &super::view::NodeRow| json!({"node": r.node, "complete": number(&r.exact_coverage), "cells": r.cells.iter().map(cell).collect::<Value>()});
    view.nodes.rows.iter().map(row).collect()
}

fn quality(view: &View) -> Value {
    let quality = &view.quality;
    let node = |row: &super::view::QualityRow| {
        json!({
            "node": row.node, "interval": row.interval, "expected": row.expected, "present": row.present,
            "complete": number(&row.exact_share), "gaps": row.gaps, "longest_gap": row.longest,
        })
    };
    json!({
        "summary": quality.summary,
        "resolution": format!("{} {}", quality.resolution, quality.carried).trim_end(),
        "nodes": quality.rows.iter().map(node).collect::<Value>(),
        "gaps": quality.gaps.iter()
            .map(|gap| json!({"node": gap.node, "from": gap.from, "to": gap.to, "length": gap.length})).collect::<Value>(),
    })
}

/// What the page's script reads, with the columns in place of their numbers and without the figures, which only plotly needs.
fn data(page: &PageData) -> Result<Value, ReportError> {
    let broken = |what: String| ReportError::Render(what);
    let bytes = STANDARD.decode(&page.columns).map_err(|e| broken(e.to_string()))?;
    let columns = Columns::unpack(&bytes).map_err(|e| broken(e.to_string()))?;
    let value: Value = serde_json::from_str(&page.json).map_err(|e| broken(e.to_string()))?;
    let names: Vec<Value> = value["nodes"].as_array().cloned().unwrap_or_default();
    let line = |number: &Value| -> Value {
        let values = number.as_u64().and_then(|n| columns.column(u32::try_from(n).ok()?)).unwrap_or_default();
        values.into_iter().map(rounded).collect()
    };
    let series = |object: &Value| -> Map<String, Value> {
        let known = ["avg", "min", "max", "before"].into_iter();
        known.filter_map(|which| Some((which.to_owned(), line(object.get(which)?)))).collect()
    };
    let row = |row: &Value| -> Value {
        let mut fields = series(row);
        let node = row["node"].as_u64().and_then(|place| names.get(place as usize)).cloned().unwrap_or_default();
        fields.insert("node".to_owned(), node);
        fields.extend(row.get("part").map(|part| ("part".to_owned(), part.clone())));
        Value::Object(fields)
    };
    let metric = |metric: &Value| -> Value {
        let kept = ["name", "title", "unit", "section", "worse", "capacity"].into_iter();
        let mut fields: Map<String, Value> = kept.map(|key| (key.to_owned(), metric[key].clone())).collect();
        fields.insert("all".to_owned(), Value::Object(series(&metric["all"])));
        fields.insert("rows".to_owned(), metric["rows"].as_array().into_iter().flatten().map(row).collect());
        Value::Object(fields)
    };
    let metrics: Value = value["metrics"].as_array().into_iter().flatten().map(metric).collect();
    let mut fields = Map::from_iter([("grid".to_owned(), value["grid"].clone()), ("metrics".to_owned(), metrics)]);
    fields.extend(value.get("before").map(|before| ("before".to_owned(), before.clone())));
    Ok(Value::Object(fields))
}

/// No more digits than the page has; null for a gap.
fn rounded(value: f64) -> Value {
    if !value.is_finite() {
        return Value::Null;
    }
    format!("{value:.*e}", DIGITS - 1).parse::<f64>().map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::sample::{HOSTILE, before, cluster, empty, frame};

    fn of(model: &crate::report::model::Model) -> Value {
        serde_json::from_str(&json(&View::of(model)).unwrap()).unwrap()
    }

    #[test]
    fn it_has_what_the_page_shows() {
        let mut model = cluster(6, 48, 1_800_000);
        model.options.interactive = true;
        model.before = Some(before(&model, 0.5));
        let found = of(&model);
        assert_eq!((&found["format"], &found["v"]), (&"nodebook-report".into(), &1.into()));
        assert_eq!(found["verdict"]["status"], "warn");
        assert_eq!(found["nodes"].as_array().unwrap().len(), 6);
        let cpu = &found["data"]["metrics"][0];
        let row = cpu["rows"].as_array().unwrap().iter().find(|row| row["node"] == "db-01").unwrap();
        let frame = &model.frames[0];
        let exact = &frame.nodes.iter().find(|row| row.node.as_str() == "db-01").unwrap().avg;
        let shown = row["avg"].as_array().unwrap();
        assert_eq!(shown.len(), 48);
        assert!(shown.iter().zip(exact).all(|(a, b)| (a.as_f64().unwrap() - b).abs() < 0.2), "{shown:?}");
        let tile = found["tiles"].as_array().unwrap().iter().find(|t| t["metric"] == "cpu_percent").unwrap();
        let delta = tile["delta"].as_f64().unwrap() / tile["value"].as_f64().unwrap();
        assert!((delta - 0.5).abs() < 1e-9, "{tile}");
        assert_eq!(found["compare"]["changes"][0]["word"], "Worse");
        let gap = cpu["rows"].as_array().unwrap().iter().find(|row| row["node"] == "web-02").unwrap();
        assert!(gap["avg"].as_array().unwrap().contains(&Value::Null), "a gap is null");
    }

    #[test]
    fn a_still_page_has_no_series_and_a_hostile_name_is_a_string() {
        let mut model = empty(&[HOSTILE], 3, 1_000);
        model.frames = vec![frame(&model, "cpu_percent", vec![(HOSTILE, "", vec![1.0, 9.0, 2.0])])];
        assert_eq!(of(&model)["data"], Value::Null);
        model.options.interactive = true;
        let found = of(&model);
        assert_eq!(found["data"]["metrics"][0]["rows"][0]["node"], HOSTILE);
        assert_eq!(found["nodes"][0]["node"], HOSTILE);
    }
}
