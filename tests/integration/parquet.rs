//! Parquet, judged by pyarrow: what it reads of ours, and what we read of its own.

use std::process::Command;

use super::harness::Project;

/// Python with pyarrow, where there is one.
fn pyarrow() -> Option<String> {
    let has_it = |python: &str| {
        let run = Command::new(python).args(["-c", "import pyarrow.parquet"]).output();
        run.is_ok_and(|run| run.status.success())
    };
    let found =
        std::env::var("NODEBOOK_TEST_PYTHON").ok().into_iter().chain(["python3".to_owned()]).find(|p| has_it(p));
    if found.is_none() {
        eprintln!("skipped: no pyarrow ($NODEBOOK_TEST_PYTHON)");
    }
    found
}

fn python(python: &str, project: &Project, script: &str) -> String {
    let run = Command::new(python).arg("-c").arg(script).current_dir(project.root()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

const ODD: &str = "timestamp_ms,node,metric,labels,value\n\
    1767571200000,=a,odd,\"{\"\"k\"\":\"\"ü\"\"}\",-0\n1767571200001,=a,odd,\"{\"\"k\"\":\"\"ü\"\"}\",+Inf\n\
    1767571200002,=a,odd,,StaleNaN\n1767571200003,b,\"any, \"\"name\"\"\",,9007199254740993\n1767571200003,b,odd,,NaN\n";

#[test]
fn another_reader_finds_every_value_with_its_bits_and_types() {
    let Some(pyarrow) = pyarrow() else { return };
    let project = Project::new().file("odd.csv", ODD);
    project.run(["import", "odd.csv"]).ok();
    project.run(["export", "-o", "long.parquet"]).ok();
    project.run(["export", "--shape", "wide", "-o", "wide.parquet"]).ok();
    let script = "import pyarrow.parquet as pq, struct\n\
        for name in ('long', 'wide'):\n\
        \x20   table = pq.read_table(name + '.parquet', page_checksum_verification=True)\n\
        \x20   print([(f.name, str(f.type), f.nullable) for f in table.schema])\n\
        \x20   for row in table.to_pylist():\n\
        \x20       print([v if isinstance(v, str) else None if v is None else '%016x' % struct.unpack('<Q', struct.pack('<d', v))[0] if isinstance(v, float) else v.isoformat() for v in row.values()])\n\
        print(pq.ParquetFile('long.parquet').metadata.row_group(0).column(0).statistics.max)";
    insta::assert_snapshot!(python(&pyarrow, &project, script), @r#"
    [('timestamp', 'timestamp[ms, tz=UTC]', False), ('node', 'string', False), ('metric', 'string', False), ('labels', 'string', False), ('value', 'double', False)]
    ['2026-01-05T00:00:00+00:00', '=a', 'odd', '{"k":"ü"}', '8000000000000000']
    ['2026-01-05T00:00:00.001000+00:00', '=a', 'odd', '{"k":"ü"}', '7ff0000000000000']
    ['2026-01-05T00:00:00.002000+00:00', '=a', 'odd', '', '7ff0000000000002']
    ['2026-01-05T00:00:00.003000+00:00', 'b', 'any, "name"', '', '4340000000000000']
    ['2026-01-05T00:00:00.003000+00:00', 'b', 'odd', '', '7ff8000000000000']
    [('timestamp', 'timestamp[ms, tz=UTC]', False), ('node', 'string', False), ('any, "name"', 'double', True), ('odd', 'double', True), ('odd{k="ü"}', 'double', True)]
    ['2026-01-05T00:00:00+00:00', '=a', None, None, '8000000000000000']
    ['2026-01-05T00:00:00.001000+00:00', '=a', None, None, '7ff0000000000000']
    ['2026-01-05T00:00:00.002000+00:00', '=a', None, '7ff0000000000002', None]
    ['2026-01-05T00:00:00.003000+00:00', 'b', '4340000000000000', '7ff8000000000000', None]
    2026-01-05 00:00:00.003000+00:00
    "#);
}

#[test]
fn many_groups_and_a_rollup_add_up_in_another_reader() {
    let Some(pyarrow) = pyarrow() else { return };
    let project = Project::new();
    project.run(["demo", "--nodes", "3", "--days", "3"]).ok();
    let all = ["--from", "1970-01-02", "--to", "2200-01-01"];
    let export = |more: &[&str]| project.run(["export"].iter().chain(&all).chain(more)).ok();
    export(&["-o", "long.parquet"]);
    export(&["--every", "1h", "--agg", "avg,max,p95", "-o", "hours.parquet"]);
    export(&["--every", "1h", "--agg", "avg,max,p95", "-o", "hours.csv"]);
    let script = "import pyarrow.parquet as pq, pyarrow.compute as pc\n\
        f = pq.ParquetFile('long.parquet')\n\
        t = f.read()\n\
        load = t.filter(pc.equal(t['metric'], 'load1'))\n\
        print(f.metadata.num_row_groups > 1, t.num_rows, load.num_rows, repr(pc.max(load['value']).as_py()))\n\
        h = pq.read_table('hours.parquet').to_pylist()\n\
        num = lambda v: '' if v is None else repr(v)\n\
        import csv\n\
        rows = list(csv.DictReader(open('hours.csv', newline='')))\n\
        plain = lambda s: s[1:] if s[:1] == \"'\" else s\n\
        same = all((a['timestamp'].timestamp(), a['metric']) == (__import__('datetime').datetime.fromisoformat(b['timestamp'].replace('Z', '+00:00')).timestamp(), plain(b['metric'])) and all((a[k] is None) == (b[k] == '') and (a[k] is None or a[k] == float(b[k])) for k in ('avg', 'max', 'p95')) for a, b in zip(h, rows))\n\
        print(len(h) == len(rows), same)";
    let told = python(&pyarrow, &project, script);
    let sql = "SELECT count(*) || ' ' || sum(metric = 'load1') || ' ' || max(CASE metric WHEN 'load1' THEN value END) FROM samples";
    assert_eq!(told, format!("True {}\nTrue True\n", project.sql(sql).as_str().unwrap()));
}

#[test]
fn what_another_writer_makes_is_taken_from_a_file_a_pipe_and_packed_once_more() {
    let Some(pyarrow) = pyarrow() else { return };
    let project = Project::new();
    let script = "import pyarrow as pa, pyarrow.parquet as pq, gzip\n\
        n = 300_000\n\
        t = pa.table({'time': pa.array([1767571200000 + i // 10 * 1000 for i in range(n)], pa.timestamp('ms')), 'node': ['n%d' % (i % 10) for i in range(n)], 'cpu_percent': [i % 97 / 7 for i in range(n)]})\n\
        pq.write_table(t, 'a.parquet', row_group_size=100_000)\n\
        gzip.open('a.parquet.gz', 'wb').write(open('a.parquet', 'rb').read())\n\
        print(repr(sum(t['cpu_percent'].to_pylist())), end='')";
    let sum: f64 = python(&pyarrow, &project, script).parse().unwrap();
    let piped = project.run_with(["import", "--json", "--db", "b.db", "-"], &project.bytes("a.parquet")).ok().json();
    for (db, told) in [
        ("a.db", project.run(["import", "--json", "--strict", "--db", "a.db", "a.parquet"]).ok().json()),
        ("b.db", piped),
        ("c.db", project.run(["import", "--json", "--db", "c.db", "a.parquet.gz"]).ok().json()),
    ] {
        assert_eq!(
            (&told["stored"], &told["rejected"], &told["nodes"]),
            (&300_000.into(), &0.into(), &10.into()),
            "{db}"
        );
        let query = "SELECT sum(value) AS sum FROM samples";
        let found = project.run(["sql", "--db", db, "--format", "json", query]).ok().json()[0]["sum"].as_f64().unwrap();
        assert!((found - sum).abs() <= 1e-9 * sum, "{db}: {found} and {sum}");
    }
}
