//! `/reports`: what batches have made.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::super::answer::Refusal;
use super::super::api::of_store;
use super::super::face::Hall;
use super::show::with_own_policy;
use super::studio::of_report;
use crate::net::read_small_text;
use crate::report::{ShelfEntry, shelf_html};
use crate::store::{JobRun, Reader, StoreErrorKind};

/// Runs of batches that are looked at, the newest.
const RUNS: u32 = 500;
/// Largest report that is shown.
const REPORT_BYTES_MAX: u64 = 64 << 20;

/// The list of the pages that are where they were written.
pub(super) async fn shelf(State(hall): State<Arc<Hall>>) -> Result<Response<Body>, Refusal> {
    let face = hall.face.clone();
    let page = hall.questions.run(move || {
        let runs = runs(&face.db)?;
        let mut names: Vec<&str> = runs.iter().map(|run| run.job.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let of = |name: &str| runs.iter().filter(|run| run.job == name).filter_map(entry).collect::<Vec<_>>();
        let entries: Vec<ShelfEntry> = names.into_iter().flat_map(of).collect();
        shelf_html(&entries, face.timezone, face.report.language).map_err(|error| of_report(&error))
    });
    with_own_policy(page.await?)
}

fn runs(db: &std::path::Path) -> Result<Vec<JobRun>, Refusal> {
    match Reader::open(db).and_then(|reader| reader.job_runs(None, RUNS)) {
        Ok(runs) => Ok(runs),
        Err(error) if error.kind() == StoreErrorKind::Missing => Ok(Vec::new()),
        Err(error) => Err(of_store(&error)),
    }
}

/// A run whose page is still there.
fn entry(run: &JobRun) -> Option<ShelfEntry> {
    let output = run.output.as_ref().filter(|output| output.ends_with(".html"))?;
    let bytes = std::fs::metadata(output).ok().filter(|meta| meta.is_file())?.len();
    let path = format!("reports/{}.html", run.id);
    Some(ShelfEntry { batch: run.job.clone(), part: run.part.clone(), range: run.range, path, bytes })
}

/// `/reports/NUMBER.html`: the page that a run has written, as long as it is what was written then.
pub(super) async fn report(State(hall): State<Arc<Hall>>, Path(file): Path<String>) -> Result<Response<Body>, Refusal> {
    let none = || Refusal::new(StatusCode::NOT_FOUND, "there is no such report: /reports lists them");
    let id: i64 = file.strip_suffix(".html").and_then(|number| number.parse().ok()).ok_or_else(none)?;
    let face = hall.face.clone();
    let page = hall.questions.run(move || {
        let run = runs(&face.db)?.into_iter().find(|run| run.id == id).ok_or_else(none)?;
        let (Some(output), Some(sha256)) = (&run.output, &run.sha256) else { return Err(none()) };
        let page = read_small_text(std::path::Path::new(output), REPORT_BYTES_MAX).map_err(|_| none())?;
        let hash: String = Sha256::digest(page.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        if hash != *sha256 {
            let text = "the file of this report is not what was written then, and is not shown";
            return Err(Refusal::new(StatusCode::GONE, text));
        }
        Ok(page)
    });
    with_own_policy(page.await?)
}
