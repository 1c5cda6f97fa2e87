//! The example programs run: each is what a user of the library would copy.

use std::path::Path;
use std::process::Command;

#[test]
fn every_example_runs() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(top.join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert!(!names.is_empty());
    // `cargo test` has built them beside this program.
    let built = Path::new(env!("CARGO_BIN_EXE_nodebook")).parent().unwrap().join("examples");
    for name in names {
        let dir = tempfile::tempdir().unwrap();
        let program = built.join(&name);
        if !program.exists() {
            let cargo =
                Command::new(env!("CARGO")).args(["build", "--quiet", "--example", &name]).current_dir(top).status();
            assert!(cargo.unwrap().success(), "{name} does not build");
        }
        let output = Command::new(&program).current_dir(dir.path()).env("HOME", dir.path()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
