use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::super::args::GlobalArgs;
use super::values::Zone;
use super::{ConfigError, RecordSection, RetentionSection, environment, file};

/// What holds for this run, of the settings that every command may ask for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub db: PathBuf,
    /// Zone of shown times.
    pub timezone: Tz,
    /// Title of reports.
    pub title: Option<String>,
    /// `[record]`
    pub record: RecordSection,
    /// `[retention]`
    pub retention: RetentionSection,
}

impl Settings {
    /// Flags over environment over file over defaults.
    pub fn load(global: &GlobalArgs) -> Result<Settings, ConfigError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let named = global.config.clone().or_else(|| variable("NODEBOOK_CONFIG").map(PathBuf::from));
        let path = named.or_else(|| {
            let (home, xdg) = (variable("HOME"), variable("XDG_CONFIG_HOME"));
            file::default_paths(home.as_deref().map(Path::new), xdg.as_deref().map(Path::new))
                .into_iter()
                .find(|path| path.exists())
        });
        let below = path.map_or_else(|| Ok(file::Layer::default()), |path| file::Layer::read(&path))?;
        let layer = environment::read(variable)?.over(below);
        let flag = |text: &String| Zone::parse(text).map_err(|reason| ConfigError::Flag { flag: "timezone", reason });
        let zone = global.timezone.as_ref().map(flag).transpose()?.or(layer.timezone);
        Ok(Settings {
            db: global.db.clone().or(layer.db).unwrap_or_else(|| PathBuf::from("nodebook.db")),
            timezone: zone.unwrap_or_else(Zone::of_this_machine).0,
            title: layer.title,
            record: layer.record,
            retention: layer.retention,
        })
    }
}
