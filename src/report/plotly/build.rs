//! The package's build script: makes the two scripts that travel in every report.
//!
//! - `plotly.deflate`: plotly.js as the `plotly` crate carries it, pruned to the traces a report draws (see [`prune`]) and deflated.
//! - `app.js`: the page's own script, put together from `templates/report/app/` (see [`bundle`]).
//! - `scripts.rs`: their version, sizes and Content-Security-Policy hashes, included by `src/report/plotly/mod.rs`.
//!
//! Nothing is fetched. What the scripts are assumed to look like is checked; a bundle that looks different stops the build with the reason.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

mod bundle;
mod prune;

const APP_DIRECTORY: &str = "templates/report/app";

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=src/report/plotly");
    println!("cargo:rerun-if-changed={APP_DIRECTORY}");
    match make_scripts() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the scripts of the report page cannot be made: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make_scripts() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let library = prune::prune(prune::library(&plotly::Plot::offline_js_sources())?)?;
    let app = bundle::bundle(&app_modules(Path::new(APP_DIRECTORY))?)?;
    let deflated = deflate(library.text.as_bytes())?;
    fs::write(out.join("plotly.deflate"), &deflated)?;
    fs::write(out.join("app.js"), &app)?;
    fs::write(out.join("scripts.rs"), constants(&library, &app))?;
    Ok(())
}

/// The page's modules by file name: what `bundle::ORDER` lists, and nothing else may lie there.
fn app_modules(directory: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".js") {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            modules.push((name, text));
        }
    }
    Ok(modules)
}

fn deflate(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The source expression that lets a policy run exactly this text: the browser hashes the text of the script element, so for plotly.js
/// that is what it inflates to.
fn policy_hash(script: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

fn constants(library: &prune::Library, app: &str) -> String {
    format!(
        "/// Version of the plotly.js in the page.\n\
         pub const PLOTLY_VERSION: &str = {:?};\n\
         /// Its copyright and licence line.\n\
         pub const PLOTLY_LICENCE: &str = {:?};\n\
         /// Size of the pruned plotly.js, inflated.\n\
         pub const PLOTLY_BYTES: usize = {};\n\
         /// Policy hash of the pruned plotly.js (`sha256-…`), inflated.\n\
         pub const PLOTLY_POLICY_HASH: &str = {:?};\n\
         /// Policy hash of [`APP_SCRIPT`] (`sha256-…`).\n\
         pub const APP_POLICY_HASH: &str = {:?};\n",
        library.version,
        library.licence,
        library.text.len(),
        policy_hash(&library.text),
        policy_hash(app),
    )
}
