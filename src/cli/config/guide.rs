//! What the keys of the configuration mean, as `--help` shows them: one table, held to the known keys by a test.

/// A section of the file: its heading, and what each key in it is.
struct Part {
    heading: &'static str,
    rows: &'static [(&'static str, &'static str)],
}

const REPORT: [Part; 5] = [
    Part {
        heading: "[report]",
        rows: &[
            ("sections", "which sections, in which order [default: all that have something to say]"),
            ("titles", "headings of one's own, by section: { nodes = \"Machines\" }"),
            ("logo", "PNG, JPEG or SVG of 200 kB at most, beside the title"),
            ("colors", "of lines, up to five: \"#0072b2\" or { light = \"…\", dark = \"…\" }"),
            ("accent", "colour of links, as those of lines"),
            ("language", "of numbers and dates: cs da de en es fi fr it nb nl pl pt sv"),
            ("paper", "of a PDF: a4 or letter [default: that of the locale's country]"),
        ],
    },
    Part {
        heading: "[[report.metric]]   what is known better of a metric",
        rows: &[
            ("metric", "glob over the names under which metrics are shown"),
            ("title", "how it is called"),
            ("unit", "percent, bytes, bytes/s, 1/s, seconds, celsius, count, or a word"),
            ("worse", "high, low or neither: what is taken for bad"),
            ("section", "resources, io, partitions or other"),
        ],
    },
    Part {
        heading: "[[report.plot]]     a plot of one's own",
        rows: &[
            ("title", "how it is called"),
            ("metric", "glob over metrics, stored or shown, or a list"),
            ("by", "node, or the key of a label [default: one line over everything]"),
            ("agg", "avg, sum, min or max: how several series become one line"),
            ("unit", "as above [default: what the name says]"),
            ("warn_above", "a line in the chart and, by node, a finding; also bad_above,"),
            ("warn_below", "and bad_below"),
            ("section", "plots, resources, io, partitions or other"),
            ("kind", "line, bar or heatmap (by node)"),
        ],
    },
    Part {
        heading: "[[report.mask]]     time that is treated apart",
        rows: &[
            ("name", "how it is called"),
            ("days", "mon-fri, or sat,sun [default: every day]"),
            ("hours", "08:00-18:00, or 22:00-06:00 [default: the whole day]"),
            ("event", "instead of days and hours: glob of annotations that last"),
            ("node", "glob of nodes [default: all]"),
            ("action", "shade, leave_out or only (nothing else counts)"),
        ],
    },
    Part {
        heading: "[thresholds]        by the name of a shown metric",
        rows: &[("METRIC", "{ warn = 80, bad = 90 }: lines in its chart, and findings")],
    },
];

const RETENTION: [Part; 2] = [
    Part {
        heading: "[retention]         without it everything is kept for ever",
        rows: &[
            ("raw", "how long samples are kept: 30d, or forever"),
            ("1h", "the same of hourly rollups"),
            ("1d", "the same of daily rollups"),
            ("max_size", "of the whole file, such as 5GiB: whichever is reached first"),
        ],
    },
    Part {
        heading: "[[retention.rule]]  for single metrics, the first that matches",
        rows: &[
            ("metric", "glob of metrics"),
            ("node", "glob of nodes [default: all]"),
            ("raw", "as above"),
            ("1h", "as above"),
            ("1d", "as above"),
        ],
    },
];

/// `[report]` and `[thresholds]`.
pub fn report_keys() -> String {
    written(&REPORT)
}

/// `[retention]`.
pub fn retention_keys() -> String {
    written(&RETENTION)
}

fn written(parts: &[Part]) -> String {
    let part = |part: &Part| {
        let rows = part.rows.iter().map(|(key, what)| format!("\n  {key:<12}{what}"));
        format!("{}{}", part.heading, rows.collect::<String>())
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    format!("Keys of the configuration file:\n\n{}", parts.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::super::keys;
    use super::*;

    /// `report.plot[].title` of a heading and a key.
    fn path(part: &Part, key: &str) -> String {
        let name = part.heading.split("  ").next().unwrap().trim();
        let (table, is_list) = (name.trim_matches(['[', ']']), name.starts_with("[["));
        format!("{table}{}.{key}", if is_list { "[]" } else { "" })
    }

    #[test]
    fn every_key_is_told_and_every_told_key_is_one() {
        let told: Vec<String> =
            REPORT.iter().chain(&RETENTION).flat_map(|part| part.rows.iter().map(|(key, _)| path(part, key))).collect();
        for path in &told {
            assert!(keys::is_known(path), "{path} is no key");
        }
        let spoken = REPORT.iter().chain(&RETENTION).flat_map(|part| part.rows).map(|(_, what)| *what);
        let words: String = spoken.collect::<Vec<_>>().join(" ");
        let known = ["report", "report.metric[]", "report.plot[]", "report.mask[]", "retention", "retention.rule[]"];
        for table in known {
            for key in keys::beside(&format!("{table}.x")) {
                let path = format!("{table}.{key}");
                let is_table = known.contains(&path.as_str()) || known.contains(&format!("{path}[]").as_str());
                assert!(is_table || told.contains(&path) || words.contains(key), "{path} is not told");
            }
        }
    }

    #[test]
    fn a_line_fits_a_terminal() {
        for line in [report_keys(), retention_keys()].iter().flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= 90, "{line}");
        }
    }
}
