//! `nodebook sql` on a terminal.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;

use super::harness::Project;
use super::terminal::Terminal;

/// On a new line: the sign before what is being typed is drawn again with every key.
const SIGN: &str = "\nnodebook> ";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";

fn prompt(project: &Project) -> Terminal {
    Terminal::start(project, 60, &["sql"])
}

/// Types once it is asked to: what is typed before belongs to whatever runs.
fn ask(terminal: &mut Terminal, keys: &str) -> String {
    let before = terminal.until(SIGN);
    terminal.keys(keys);
    before
}

#[test]
fn statements_of_many_lines_are_answered_until_the_end() {
    let project = Project::new().with_small_cluster();
    let mut terminal = prompt(&project);
    let greeting = ask(&mut terminal, "SELECT node, count(*) AS n\rFROM samples -- all;\rGROUP BY node;\r");
    assert!(greeting.contains("read only; a query may take 30 s") && greeting.contains(".help"), "{greeting}");
    let answer = terminal.until("3 rows in ");
    assert!(answer.contains("node     n\n") && answer.contains("db-3  1440\n"), "{answer}");
    ask(&mut terminal, "SELECT 1 AS one; SELECT 'a;b' AS two;\r");
    let answer = terminal.until("two\na;b");
    assert!(answer.contains("one\n  1\n"), "{answer}");
    ask(&mut terminal, CTRL_D);
    terminal.ends_well();
}

#[test]
fn an_error_shows_where_and_ends_nothing() {
    let project = Project::new().with_small_cluster();
    let mut terminal = prompt(&project);
    ask(&mut terminal, "SELECT node,\r  nod FROM samples;\r");
    let told = terminal.until("    ^");
    assert!(told.ends_with("error: no such column: nod\n    nod FROM samples;\n    ^"), "{told}");
    ask(&mut terminal, "DELETE FROM node; SELECT 'not reached';\r");
    terminal.until("error: writing is refused: queries only read");
    let rest = ask(&mut terminal, ".nonsense\r");
    assert!(!rest.contains("not reached\n"), "{rest}");
    terminal.until("error: there is no command .nonsense: .help names them");
    ask(&mut terminal, ".quit\r");
    terminal.ends_well();
}

#[test]
fn ctrl_c_stops_a_query_or_gives_up_the_line() {
    let project = Project::new().with_small_cluster();
    let mut terminal = prompt(&project);
    ask(&mut terminal, ".mode csv\r");
    ask(&mut terminal, "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n;\r");
    terminal.until("\n2000\n"); // it runs
    terminal.keys(CTRL_C);
    terminal.until("error: the query was stopped");
    ask(&mut terminal, &format!("SELECT rubbish{CTRL_C}"));
    ask(&mut terminal, "SELECT 40 + 2 AS answer;\r");
    terminal.until("answer\n42\n1 row in ");
    ask(&mut terminal, CTRL_D);
    terminal.ends_well();
}

#[test]
fn commands_tell_what_there_is() {
    let project = Project::new().with_small_cluster();
    let mut terminal = prompt(&project);
    ask(&mut terminal, ".help\r");
    terminal.until("percentile(value, p)");
    ask(&mut terminal, ".tables\r");
    terminal.until("rollup_1h, rollup_1d stored aggregates");
    ask(&mut terminal, ".schema samples\r");
    terminal.until("samples(ts INTEGER, node TEXT, metric TEXT, labels TEXT, value REAL, series_id INTEGER)");
    ask(&mut terminal, ".schema\r");
    let all = terminal.until("series(id INTEGER");
    assert!(all.contains("buckets(node TEXT") && all.contains("metric(id INTEGER"), "{all}");
    ask(&mut terminal, ".schema nowhere\r");
    terminal.until("error: there is no table `nowhere`");
    ask(&mut terminal, ".mode pretty\r");
    terminal.until("error: there is no format `pretty`: table, csv, json, jsonl, markdown");
    ask(&mut terminal, ".mode jsonl\r");
    ask(&mut terminal, "SELECT perc\t1, 50) AS half;\r");
    terminal.until("{\"half\":1.0}");
    ask(&mut terminal, CTRL_D);
    terminal.ends_well();
}

#[test]
fn a_table_fits_the_terminal_and_says_what_it_leaves_out() {
    let project = Project::new().with_small_cluster();
    let mut terminal = prompt(&project);
    ask(&mut terminal, "SELECT printf('%.*c', 100, 'x') AS long, 123456.789 AS number;\r");
    let told = terminal.until("warning: 1 text cut to fit the terminal");
    let row = told.lines().find(|line| line.ends_with("…  123456.789")).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(row.chars().count(), 60);
    ask(&mut terminal, "SELECT * FROM buckets('cpu_percent', 'db-1');\r");
    let told = terminal.until("warning: 15 columns do not fit side by side");
    assert!(told.contains("row 1\n  node      db-1\n  metric    cpu_percent\n"), "{told}");
    ask(&mut terminal, "SELECT ts FROM samples;\r");
    terminal.until("warning: only the first 500 rows shown, there are more: csv and jsonl give all");
    ask(&mut terminal, CTRL_D);
    terminal.ends_well();
}

#[test]
fn what_was_asked_is_there_the_next_time_and_nobody_elses() {
    let project = Project::new().with_small_cluster();
    let mut terminal = prompt(&project);
    ask(&mut terminal, "SELECT 'first\rline';\r");
    terminal.until("1 row in ");
    ask(&mut terminal, CTRL_D);
    terminal.ends_well();
    let history = project.path(".local/state/nodebook/sql_history");
    assert_eq!(std::fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(history.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let mut terminal = prompt(&project);
    ask(&mut terminal, &format!("{UP}\r"));
    terminal.until("'first line'\n"); // the column's name, on one line
    terminal.until("1 row in ");
    ask(&mut terminal, CTRL_D);
    terminal.ends_well();
}
