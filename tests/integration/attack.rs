//! Inputs that want to break an import, through the program: what is good is taken, what is bad is counted and named, and memory is bounded.

use std::fs;
use std::io::Write;
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::harness::Project;

const HEADER: &str = "timestamp_ms,node,metric,value\n";

fn rows(from: i64, count: i64) -> String {
    (from..from + count).map(|i| format!("{},a,load1,{i}\n", 1_767_571_200_000 + i * 1000)).collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// What a run says that may map so many KiB.
fn limited(project: &Project, kib: &str, arguments: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", "ulimit -v $0; exec \"$@\"", kib, env!("CARGO_BIN_EXE_nodebook")])
        .args(arguments)
        .current_dir(project.root())
        .output()
        .unwrap()
}

/// Counts of an import that is told as JSON: every sample is stored, a duplicate, or has replaced another.
fn told(project: &Project, code: i32, arguments: &[&str]) -> serde_json::Value {
    let told = project.run(["import", "--json"].iter().chain(arguments)).code(code).json();
    let count = |key: &str| told[key].as_u64().unwrap();
    assert_eq!(count("samples"), count("stored") + count("duplicates") + count("replaced"), "{told}");
    assert_eq!(told["rejected"].as_u64().unwrap() > 0, code != 0, "{told}");
    told
}

#[test]
fn what_is_cut_is_kept_to_the_last_whole_line() {
    let text = format!("{HEADER}{}", rows(0, 20_000));
    let (gz, zst) = (gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 3).unwrap());
    let project = Project::new();
    for (name, packed) in [("a.csv.gz", &gz), ("a.csv.zst", &zst)] {
        for share in [2, 3, 10] {
            let db = format!("{name}-{share}.db");
            project.write(name, &packed[..packed.len() - packed.len() / share]);
            let told = told(&project, 3, &["--db", &db, name]);
            assert!(told["errors"][0]["reason"].as_str().unwrap().contains("data ends too early"), "{told}");
            let wrong = "SELECT count(*) FROM samples WHERE ts <> 1767571200000 + value * 1000";
            let rows = project.run(["sql", "--db", &db, "--format", "csv", wrong]).ok().stdout();
            assert!(rows.ends_with("\n0\n"), "no number is a piece of one: {rows}");
            assert!(told["samples"].as_u64().unwrap() > 5_000 / share as u64, "{told}");
        }
    }
}

#[test]
fn a_bomb_is_read_piece_by_piece() {
    let zeros = vec![b'0'; 64 << 20];
    let line = [HEADER.as_bytes(), rows(0, 1).as_bytes(), &zeros, b"\n", rows(1, 1).as_bytes()].concat();
    let project = Project::new()
        .file("bomb.csv.gz", gzip(&line))
        .file("bomb.csv.zst", zstd::encode_all(line.as_slice(), 3).unwrap())
        .file("line.csv", &line);
    for name in ["bomb.csv.gz", "bomb.csv.zst", "line.csv"] {
        let db = format!("{name}.db");
        // 300 MB for all that the program maps: its own code, SQLite's cache, and no 64 MB line
        let limited = limited(&project, "400000", &["import", "--json", "--db", &db, name]);
        assert_eq!(limited.status.code(), Some(3), "{name}: {}", String::from_utf8_lossy(&limited.stderr));
        let told: serde_json::Value = serde_json::from_slice(&limited.stdout).unwrap();
        assert_eq!(
            (&told["samples"], &told["rejected"], &told["errors"][0]["line"]),
            (&2.into(), &1.into(), &3.into())
        );
    }
}

#[test]
fn other_encodings_are_named_and_a_wrong_byte_costs_its_line() {
    let text = format!("{HEADER}{}", rows(0, 3));
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let latin1 = text.replacen(",a,", ",\u{e9},", 1).chars().map(|c| c as u8).collect::<Vec<u8>>();
    let project = Project::new()
        .file("utf16.csv", utf16)
        .file("latin1.csv", latin1)
        .file("bom.csv", format!("\u{feff}{}", text.replace('\n', "\r\n")))
        .file("nul.csv", text.replacen(",a,", ",a\0b,", 1));
    let said = project.run(["import", "utf16.csv"]).code(1).stderr();
    assert!(said.contains("text in UTF-16: save it as UTF-8"), "{said}");
    assert_eq!(told(&project, 0, &["--db", "bom.db", "bom.csv"])["samples"], 3);
    for (file, why) in [("latin1.csv", "UTF-8"), ("nul.csv", "NUL")] {
        let told = told(&project, 3, &["--db", &format!("{file}.db"), file]);
        assert_eq!((&told["samples"], &told["errors"][0]["line"]), (&2.into(), &2.into()), "{told}");
        assert!(told["errors"][0]["reason"].as_str().unwrap().contains(why), "{told}");
    }
}

#[cfg(unix)]
#[test]
fn a_directory_of_odd_things_is_read_to_its_end() {
    let project = Project::new();
    fs::create_dir_all(project.path("dir/deep/er")).unwrap();
    project.write("dir/a.csv", format!("{HEADER}{}", rows(0, 2)));
    project.write("dir/deep/er/b.csv", format!("{HEADER}{}", rows(2, 2)));
    project.write("dir/empty.csv", "");
    project.write("dir/noise.bin", [0xde, 0xad, 0xbe, 0xef]);
    std::os::unix::fs::symlink("..", project.path("dir/deep/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", project.path("dir/dangling.csv")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(project.path("dir/socket.csv")).unwrap();
    assert!(Command::new("mkfifo").arg(project.path("dir/pipe.csv")).status().unwrap().success());
    let told = told(&project, 3, &["dir"]);
    assert_eq!((&told["samples"], &told["rejected"]), (&4.into(), &1.into()), "{told}");
    assert!(told["errors"][0]["file"].as_str().unwrap().ends_with("noise.bin"), "{told}");
    let said = project.run(["import", "dir/socket.csv"]).code(1).stderr();
    assert!(said.contains("socket.csv"), "{said}");
}

#[test]
fn many_files_are_one_import() {
    let project = Project::new();
    for i in 0..1_500 {
        let directory = project.path(&format!("tree/{}", i % 30));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{i}.csv")), format!("{HEADER}{}", rows(i * 2, 2))).unwrap();
    }
    let told = told(&project, 0, &["tree"]);
    assert_eq!((&told["files"], &told["samples"], &told["series"]), (&1500.into(), &3000.into(), &1.into()));
}

#[test]
fn a_message_that_breaks_off_is_read_to_its_end() {
    // a resource, and a tag that breaks off
    let project = Project::new().file("cut.pb", [0x0a, 2, 0x0a, 0, 0x80]);
    let told = told(&project, 1, &["cut.pb"]);
    assert!(told["errors"][0]["reason"].as_str().unwrap().contains("the protobuf message is damaged"), "{told}");
}

#[test]
fn a_range_of_centuries_costs_what_is_known_of_it() {
    let project = Project::new().with_small_cluster();
    let range = "1970-01-01..9999-12-31";
    for arguments in [&["report", "--range", range, "-o", "r.html"][..], &["summary", "--range", range]] {
        let told = limited(&project, "2000000", arguments);
        assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    }
}

#[test]
fn a_name_like_an_address_is_a_name() {
    let project = Project::new().file("a.csv", format!("{HEADER}{}", rows(0, 3)));
    for db in ["file:a.db", "file:b.db?mode=memory"] {
        project.run(["import", "--db", db, "a.csv"]).ok();
        let query = "SELECT count(*) FROM samples";
        assert!(project.run(["sql", "--db", db, "--format", "csv", query]).ok().stdout().ends_with("\n3\n"));
    }
    assert_eq!(project.names(), ["a.csv", "file:a.db", "file:b.db?mode=memory"]);
}
