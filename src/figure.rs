//! Tells what a test has counted on its way, as the integration tests' harness does: case | what was done | how often | what came of it.
//! tests/run.sh collects these lines for the README's table.

pub(crate) fn figure(line: std::fmt::Arguments<'_>) {
    println!("{line}");
    let Some(path) = std::env::var_os("NODEBOOK_TEST_FIGURES") else { return };
    let mut file = std::fs::File::options().append(true).create(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).unwrap();
}
