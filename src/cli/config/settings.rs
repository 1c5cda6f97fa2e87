use std::path::PathBuf;

use chrono_tz::Tz;

use super::super::args::GlobalArgs;
use super::file::ThresholdSection;
use super::source::{SourceFlavour, SourceUrls};
use super::values::Zone;
use super::{
    AnalysisSection, BatchSection, ConfigError, MailSection, RecordSection, ReportSection, RetentionSection,
    ServeSection, SourceSection, WebhookSection, environment, file,
};
use crate::analyse::{Threshold, Thresholds};
use crate::model::catalogue::Catalogue;

/// What holds for this run, of the settings that every command may ask for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub db: PathBuf,
    /// Whether anybody has said which: a flag, the environment or the file.
    pub db_is_named: bool,
    /// Zone of shown times.
    pub timezone: Tz,
    /// Title of reports.
    pub title: Option<String>,
    /// `[record]`
    pub record: RecordSection,
    /// `[retention]`
    pub retention: RetentionSection,
    /// `[analysis]`
    pub analysis: AnalysisSection,
    /// `[report]`
    pub report: ReportSection,
    /// `[thresholds]` over the defaults
    pub thresholds: Thresholds,
    /// `[[catalogue]]` over what everybody has
    pub catalogue: Catalogue,
    /// `[mail]`
    pub mail: MailSection,
    /// `[serve]`
    pub serve: ServeSection,
    /// `[source]`, and what flags say of it
    pub source: SourceSection,
    /// `[[batch]]`
    pub batches: Vec<BatchSection>,
    /// `[[webhook]]`
    pub webhooks: Vec<WebhookSection>,
    /// The file, where there is one.
    pub path: Option<PathBuf>,
}

impl Settings {
    /// Flags over environment over file over defaults.
    pub fn load(global: &GlobalArgs) -> Result<Settings, ConfigError> {
        let path_in = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let named = global.config.clone().or_else(|| path_in(environment::CONFIG));
        let path = named.or_else(|| {
            file::default_paths(path_in("HOME").as_deref(), path_in("XDG_CONFIG_HOME").as_deref())
                .into_iter()
                .find(|path| path.exists())
        });
        let below = path.as_ref().map_or_else(|| Ok(file::Layer::default()), |path| file::Layer::read(path))?;
        let layer = environment::read(std::env::vars_os())?.over(below);
        let flag = |text: &String| Zone::parse(text).map_err(|reason| ConfigError::Flag { flag: "timezone", reason });
        let source = SourceSection {
            url: SourceUrls::parse(global.source.iter().map(String::as_str)).map_err(flag_error("source"))?,
            flavour: global
                .source_flavour
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(flag_error("source-flavour"))?
                .map(SourceFlavour),
            ..SourceSection::default()
        };
        let zone = global.timezone.as_ref().map(flag).transpose()?.or(layer.timezone);
        let db = global.db.clone().or(layer.db);
        Ok(Settings {
            db_is_named: db.is_some(),
            db: db.unwrap_or_else(|| PathBuf::from("nodebook.db")),
            timezone: zone.unwrap_or_else(Zone::of_this_machine).0,
            title: layer.title,
            record: layer.record,
            retention: layer.retention,
            analysis: layer.analysis,
            report: layer.report,
            thresholds: Thresholds::with(layer.thresholds.into_iter().map(|(metric, own)| {
                let ThresholdSection { warn, bad } = own;
                (metric, Threshold { warn, bad })
            })),
            catalogue: Catalogue::built_in().with(layer.catalogue.into_iter().map(|own| own.0)),
            mail: layer.mail,
            serve: layer.serve,
            source: source.over(layer.source),
            batches: layer.batch,
            webhooks: layer.webhook,
            path,
        })
    }

    /// The same, asking the database whatever `[source]` says.
    #[must_use]
    pub fn of_the_database(self) -> Settings {
        Settings { source: SourceSection::default(), ..self }
    }

    /// What `[record]` says now, of the file as it is now; `None` where there is no file.
    pub fn record_again(&self) -> Result<Option<RecordSection>, ConfigError> {
        let Some(path) = &self.path else { return Ok(None) };
        Ok(Some(environment::read(std::env::vars_os())?.over(file::Layer::read(path)?).record))
    }
}

fn flag_error<E: ToString>(flag: &'static str) -> impl Fn(E) -> ConfigError {
    move |reason| ConfigError::Flag { flag, reason: reason.to_string() }
}
