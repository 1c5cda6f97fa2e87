//! Flags, environment, file, defaults: in this order, and a wrong one is named.

use super::harness::Project;

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let project = Project::new().with_small_cluster();
    std::fs::rename(project.path("nodebook.db"), project.path("file.db")).unwrap();
    project.write("nodebook.toml", "db = 'file.db'");
    std::fs::copy(project.path("file.db"), project.path("variable.db")).unwrap();
    std::fs::copy(project.path("file.db"), project.path("flag.db")).unwrap();
    let path = |run: super::harness::Run| run.ok().json()["path"].as_str().unwrap().to_owned();

    assert!(path(project.run(["info", "--json"])).ends_with("file.db"));
    let project = project.variable("NODEBOOK_DB", "variable.db");
    assert!(path(project.run(["info", "--json"])).ends_with("variable.db"));
    assert!(path(project.run(["info", "--json", "--db", "flag.db"])).ends_with("flag.db"));
}

#[test]
fn the_file_is_found_where_it_is_named_and_a_relative_database_lies_beside_it() {
    let project = Project::new().with_small_cluster();
    std::fs::create_dir(project.path("etc")).unwrap();
    std::fs::rename(project.path("nodebook.db"), project.path("etc/a.db")).unwrap();
    project.write("etc/x.toml", "db = 'a.db'");
    project.run(["info", "--config", "etc/x.toml"]).ok();
    let project = project.variable("NODEBOOK_CONFIG", "etc/x.toml");
    project.run(["info"]).ok();
}

#[test]
fn the_users_own_file_is_found() {
    let project = Project::new();
    std::fs::create_dir_all(project.path(".config/nodebook")).unwrap();
    project.write(".config/nodebook/config.toml", "db = 'mine.db'");
    let said = project.run(["info"]).fails(4);
    insta::assert_snapshot!(said, @"error: DIR/.config/nodebook/mine.db: no such database: name another with --db, or make one by `nodebook record --db DIR/.config/nodebook/mine.db` or `nodebook import --db DIR/.config/nodebook/mine.db FILE`");
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let said = Project::new().run(["info", "--config", "none.toml"]).fails(2);
    insta::assert_snapshot!(said, @"error: none.toml: cannot read the configuration: No such file or directory (os error 2)");
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let project = Project::new().file("nodebook.toml", "[record]\nintervall = '5s'\n");
    insta::assert_snapshot!(project.run(["info"]).fails(2), @"error: nodebook.toml, line 2: unknown key `record.intervall`; did you mean `record.interval`?");
}

#[test]
fn a_variable_that_sets_nothing_is_not_passed_over() {
    let project = Project::new().variable("NODEBOOK_RECORD_INTERVL", "5s");
    insta::assert_snapshot!(project.run(["info"]).fails(2), @"error: $NODEBOOK_RECORD_INTERVL: no such setting; did you mean $NODEBOOK_RECORD_INTERVAL?");
}

#[test]
fn a_wrong_value_says_where_it_stands() {
    let project = Project::new().file("nodebook.toml", "[retention]\nraw = '30 fortnights'\n");
    insta::assert_snapshot!(project.run(["maintain"]).fails(2), @"error: nodebook.toml, line 2: `30 fortnights` is neither a duration such as 30d nor `forever`");
    let project = Project::new().variable("NODEBOOK_RECORD_INTERVAL", "often");
    insta::assert_snapshot!(project.run(["record"]).fails(2), @"error: $NODEBOOK_RECORD_INTERVAL: `often` is not a duration: give a number with a unit, as in 10s, 15m, 6h, 7d, 2w or 1h30m (ms, s, m, h, d, w, M = 30 days, y = 365 days)");
    insta::assert_snapshot!(Project::new().run(["info", "--timezone", "Mars/Base"]).fails(2), @"error: --timezone: `Mars/Base` is not a time zone such as Europe/Berlin or UTC");
}

#[test]
fn a_broken_file_does_not_keep_anybody_from_the_manual() {
    let project = Project::new().file("nodebook.toml", "nonsense");
    project.run(["--help"]).ok();
    project.run(["completions", "bash"]).ok();
}

#[test]
fn times_are_shown_in_the_zone_that_is_asked_for() {
    let project = Project::new().with_small_cluster();
    let text = project.run(["summary", "--timezone", "Asia/Tokyo"]).ok().stdout();
    assert!(text.contains("09:00"), "midnight UTC is nine in Tokyo: {text}");
}

/// A name of 10 GB of nothing, which take no room.
fn with_a_large_file(project: &Project) -> &'static str {
    std::fs::File::create(project.path("large")).unwrap().set_len(10 << 30).unwrap();
    "large"
}

#[cfg(unix)]
#[test]
fn what_is_no_small_file_is_not_read_until_memory_ends() {
    let project = Project::new().with_small_cluster();
    let large = with_a_large_file(&project);
    assert!(std::process::Command::new("mkfifo").arg(project.path("pipe")).status().unwrap().success());
    let config = |path| project.run(["info", "--config", path]).fails(2);
    insta::assert_snapshot!(config(large), @"error: large: cannot read the configuration: has more than 1048576 bytes, the most that is read: give the right one");
    insta::assert_snapshot!(config("pipe"), @"error: pipe: cannot read the configuration: is a pipe: write what comes out of it to a file, and name that");
    project.run(["info", "--config", "/dev/null"]).ok();

    project.write("nodebook.toml", "[report]\nlogo = 'large'\n");
    let report = || project.run(["report", "-o", "r.html"]).ok().stderr().lines().next().unwrap().to_owned();
    insta::assert_snapshot!(report(), @"warning: no logo: large: has more than 200000 bytes, the most that is read: give the right one");
    project.write("nodebook.toml", "[report]\nlogo = 'pipe'\n");
    insta::assert_snapshot!(report(), @"warning: no logo: pipe: is a pipe: write what comes out of it to a file, and name that");

    project.write("nodebook.toml", "[mail]\nattach_max = '1MB'\n");
    let mail = |path| project.run(["mail", path, "--to", "ops@example.org", "--eml", "a.eml"]).fails(2);
    insta::assert_snapshot!(mail(large), @"error: large: the limit of a mail is 1000000 bytes, and it has more: raise `mail.attach_max` if your server takes such");
    insta::assert_snapshot!(mail("pipe"), @"error: pipe: neither a [[batch]] (there are: none) nor a file: is a pipe: write what comes out of it to a file, and name that");
    insta::assert_snapshot!(project.run_with(["sql", "-"], " ".repeat(2 << 20).as_bytes()).fails(1), @"error: cannot read stdin: has more than 1048576 bytes, the most that is read: give the right one");
}
