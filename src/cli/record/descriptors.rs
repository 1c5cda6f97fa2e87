use super::super::output::Terminal;

/// What the recorder has open beside its targets: the database, its log, readers, a batch.
const OWN: u64 = 100;

/// Lets the process open a connection for each of so many targets. Where it may not, those that find no room fail, and say so.
#[cfg(target_os = "linux")]
pub fn make_room_for(targets: usize, terminal: Terminal) {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let wanted = targets as u64 + OWN;
    // Read from a file, so that a service that needs no more room needs no leave to ask for it.
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some((now, most)) = open_files(&limits).filter(|(now, _)| *now < wanted) else { return };
    let room = room(now, most, wanted);
    let limit = Rlimit { current: Some(room), maximum: Some(most) };
    let has = if setrlimit(Resource::Nofile, limit).is_ok() { room } else { now };
    if has < wanted {
        terminal.warn(&format!(
            "this process may open {has} files, and {targets} targets want {wanted}: raise the limit (`ulimit -n`, or LimitNOFILE of the service)"
        ));
    }
}

/// As many as are wanted, or else as many as there may be: never fewer than now.
#[cfg(target_os = "linux")]
fn room(now: u64, most: u64, wanted: u64) -> u64 {
    wanted.min(most).max(now)
}

/// Other systems have room enough.
#[cfg(not(target_os = "linux"))]
pub fn make_room_for(_targets: usize, _terminal: Terminal) {}

/// How many files may be open now, and how many at most.
#[cfg(target_os = "linux")]
fn open_files(limits: &str) -> Option<(u64, u64)> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words =
        line.split_whitespace().map(|word| if word == "unlimited" { Some(u64::MAX) } else { word.parse().ok() });
    Some((words.next()??, words.next()??))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_taken_where_it_is_not_enough() {
        assert_eq!(
            [room(1_024, 1_048_576, 1_100), room(1_024, 4_096, 5_100), room(1_024, 1_024, 5_100)],
            [1_100, 4_096, 1_024]
        );
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max open files            1024                 1048576              files     \n";
        assert_eq!(open_files(text), Some((1_024, 1_048_576)));
        assert_eq!(
            open_files("Max open files            unlimited            unlimited            files"),
            Some((u64::MAX, u64::MAX))
        );
        assert_eq!(open_files(""), None);
        assert!(open_files(&std::fs::read_to_string("/proc/self/limits").unwrap()).is_some());
    }
}
