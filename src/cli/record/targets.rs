use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::config::{RecordSection, TargetSection};
use super::super::error::CliError;
use super::{INTERVAL_MS_MIN, expect_interval};
use crate::ingest::scrape::{Target, owners};
use crate::model::NodeName;
use crate::net::{Login, Secret, Trust};

/// The targets of the configuration, and those of the command line after them.
pub fn targets(section: &RecordSection, asked: &[String], interval_ms: i64) -> Result<Vec<Target>, CliError> {
    let wrong = |reason| CliError::Usage(format!("--scrape: {reason}"));
    let asked = asked.iter().map(|text| TargetSection::parse(text).map_err(wrong)).collect::<Result<Vec<_>, _>>()?;
    let all: Vec<&TargetSection> = section.target.iter().chain(&asked).collect();
    let nodes = all.iter().map(|target| match &target.node {
        Some(node) => Ok(node.0.clone()),
        None => NodeName::new(target.url.0.host()),
    });
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    let owners = owners(all.iter().map(|target| &target.url.0).zip(nodes));
    let owners = owners.map_err(|twice| CliError::Usage(format!("{twice}: leave one out")))?;
    let mut trusts: HashMap<Option<PathBuf>, Trust> = HashMap::new();
    let mut targets = Vec::with_capacity(all.len());
    for (section, owner) in all.into_iter().zip(owners) {
        let trust = match trusts.get(&section.ca_file) {
            Some(trust) => trust.clone(),
            None => {
                let trust = Trust::system(section.ca_file.as_deref())?;
                trusts.entry(section.ca_file.clone()).or_insert(trust).clone()
            }
        };
        let interval_ms = section.interval.map_or(interval_ms, |span| span.0);
        expect_interval(interval_ms)?;
        let timeout = timeout(section, interval_ms)?;
        targets.push(Target {
            address: section.url.0.clone(),
            owner,
            interval_ms,
            timeout,
            login: login(section)?,
            trust,
        });
    }
    Ok(targets)
}

/// A target that takes longer than its interval would never be on time.
fn timeout(section: &TargetSection, interval_ms: i64) -> Result<Duration, CliError> {
    let Some(timeout_ms) = section.timeout.map(|span| span.0) else { return Ok(Target::usual_timeout(interval_ms)) };
    if (INTERVAL_MS_MIN..=interval_ms).contains(&timeout_ms) {
        return Ok(Duration::from_millis(timeout_ms.unsigned_abs()));
    }
    let target = &section.url.0;
    Err(CliError::Usage(format!(
        "the target {target} has a timeout of {timeout_ms} ms: between {INTERVAL_MS_MIN} ms and its interval, {interval_ms} ms"
    )))
}

fn login(section: &TargetSection) -> Result<Option<Login>, CliError> {
    let TargetSection { url, user, password_file, token_file, .. } = section;
    let secret = |file: &Path| Secret::from_file(file);
    match (user, password_file, token_file) {
        (None, None, None) => Ok(None),
        (Some(user), Some(file), None) => Ok(Some(Login::Basic { user: user.clone(), password: secret(file)? })),
        (None, None, Some(file)) => Ok(Some(Login::Bearer(secret(file)?))),
        _ => Err(CliError::Usage(format!(
            "the target {} needs user and password_file, or token_file, or neither",
            url.0
        ))),
    }
}
