//! `nodebook units`: what systemd is to know, ready to be put in its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::args::UnitsArgs;
use super::artifact::write;
use super::config::Settings;
use super::context::Context;
use super::error::{CliError, Code};
use super::output::{plain, print_text};
use crate::deliver::{Artifact, DeliverError};

/// Where the services' files are by themselves: what `StateDirectory` makes.
const STATE: &str = "/var/lib/nodebook";
/// What the services do not see, and their program can therefore not lie in.
const UNSEEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// What every service of ours may do: its own directory, and nothing else.
const HARDENED: &str = "\
User=nodebook
StateDirectory=nodebook
StateDirectoryMode=0700
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
";

/// Prints the units, or writes them into a directory.
pub fn run(args: &UnitsArgs, context: &Context) -> Result<Code, CliError> {
    let program =
        std::env::current_exe().map_err(|e| CliError::Usage(format!("where this program is is not known: {e}")))?;
    let config = context.settings.path.as_deref().and_then(|path| std::path::absolute(path).ok());
    let settings = &context.settings;
    // What nobody has named is where a service may write, not where somebody happened to type this.
    let db = if settings.db_is_named {
        std::path::absolute(&settings.db).unwrap_or_else(|_| settings.db.clone())
    } else {
        Path::new(STATE).join("cluster.db")
    };
    let units = units(&program, config.as_deref(), &db, &written(&db, settings));
    for path in [Some(program.as_path()), config.as_deref(), Some(db.as_path())].into_iter().flatten() {
        if UNSEEN.iter().any(|unseen| path.starts_with(unseen)) {
            context.terminal.warn(&format!(
                "{}: a service does not see what lies there: `install` the program into /usr/local/bin, the \
                 configuration into /etc/nodebook, and let the database be in {STATE}",
                path.display()
            ));
        }
    }
    match &args.dir {
        None => {
            let told = units.iter().map(|(name, text)| format!("# /etc/systemd/system/{name}\n{text}\n"));
            print_text(&told.collect::<String>())?;
        }
        Some(dir) if !dir.is_dir() => return Err(DeliverError::NoDirectory { path: dir.clone() }.into()),
        Some(dir) => {
            for (name, text) in units {
                let artifact = Artifact { name: name.to_owned(), media_type: "text/plain", bytes: text.into_bytes() };
                write(&dir.join(name), &artifact, context)?;
            }
        }
    }
    Ok(Code::Done)
}

/// Directories outside of [`STATE`] that the services write into: that of the database, and what comes before the first macro of each batch's `output`.
fn written(db: &Path, settings: &Settings) -> BTreeSet<PathBuf> {
    let outputs = settings.batches.iter().filter_map(|batch| batch.output.as_ref()).filter_map(|output| {
        let fixed = output.fixed_start();
        // `/srv/a{name}` may become any name in /srv.
        let directory = fixed.rfind('/').map_or("", |end| &fixed[..=end]);
        std::path::absolute(directory.trim_end_matches('/')).ok().filter(|_| output.text() != "-")
    });
    let directories = db.parent().map(Path::to_owned).into_iter().chain(outputs);
    directories.filter(|path| !path.starts_with(STATE) && path.parent().is_some()).collect()
}

fn units(program: &Path, config: Option<&Path>, db: &Path, written: &BTreeSet<PathBuf>) -> [(&'static str, String); 3] {
    let config = config.map(|path| format!(" --config {}", word(path))).unwrap_or_default();
    let command = |command: &str| format!("{} {command} --db {}{config}", word(program), word(db));
    let written: String = written.iter().map(|path| format!("ReadWritePaths={}\n", word(path))).collect();
    let recorder = format!(
        "[Unit]\nDescription=nodebook records this machine, and runs the reports that are due\n\
         Documentation=man:nodebook-record(1)\nAfter=network-online.target\nWants=network-online.target\n\n\
         [Service]\nExecStart={}\nExecReload=/bin/kill -HUP $MAINPID\nLimitNOFILE=65536\nRestart=on-failure\nRestartSec=10\nTimeoutStopSec=10\nNice=5\n\
         # The password of [mail], readable by this service only: LoadCredential=smtp-password:/etc/nodebook/smtp-password\n\
         {HARDENED}{written}\n[Install]\nWantedBy=multi-user.target\n",
        command("record")
    );
    let batch = format!(
        "[Unit]\nDescription=nodebook makes the reports that are due\nDocumentation=man:nodebook-batch(1)\n\
         After=network-online.target\nWants=network-online.target\n\n\
         [Service]\nType=oneshot\nExecStart={}\nNice=10\n\
         # Some reports failed or wait for a server: the ledger knows, and the next run goes on.\nSuccessExitStatus=3\n\
         # The password of [mail], readable by this service only: LoadCredential=smtp-password:/etc/nodebook/smtp-password\n\
         {HARDENED}{written}",
        command("batch --due")
    );
    // The schedules are in the configuration: the timer only asks often enough.
    let timer = "[Unit]\nDescription=nodebook looks every five minutes for reports that are due (not needed where nodebook.service runs)\n\n\
                 [Timer]\nOnCalendar=*:0/5\nAccuracySec=10s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n";
    [("nodebook.service", recorder), ("nodebook-batch.service", batch), ("nodebook-batch.timer", timer.to_owned())]
}

/// One word of a command line, as systemd reads it.
fn word(path: &Path) -> String {
    let text = plain(&path.to_string_lossy()).replace('%', "%%").replace('$', "$$");
    let is_plain = |c: char| c.is_alphanumeric() || "-_./%$+@:".contains(c);
    if text.chars().all(is_plain) { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}
