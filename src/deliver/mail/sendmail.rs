use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::Envelope;
use crate::deliver::Trouble;

/// What sendmail(8) says of what may pass.
const TRY_AGAIN: i32 = 75;

/// A program that takes messages, as `sendmail` does; it queues them itself.
#[derive(Clone, Debug)]
pub struct Sendmail {
    /// Which.
    pub program: PathBuf,
}

impl Sendmail {
    /// Hands a message over; `hand_over` writes that down before.
    pub fn send(
        &self,
        envelope: &Envelope<'_>,
        hand_over: &mut dyn FnMut() -> Result<(), String>,
    ) -> Result<(), Trouble> {
        let name = self.program.display();
        let mut command = Command::new(&self.program);
        command.args(["-i", "-f"]).arg(envelope.from.to_string()).arg("--");
        command.args(envelope.to.iter().map(ToString::to_string));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| Trouble::Lasting(format!("{name} cannot be run: {e}")))?;
        if let Err(error) = hand_over() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Trouble::Ledger(error));
        }
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(envelope.message));
        let output = child.wait_with_output().map_err(|e| Trouble::Unsure(format!("{name}: {e}")))?;
        let told: String = String::from_utf8_lossy(&output.stderr).chars().take(200).collect();
        match output.status.code() {
            Some(0) => written.map_err(|e| Trouble::Unsure(format!("{name} has not read all of the message: {e}"))),
            Some(TRY_AGAIN) => Err(Trouble::Passing(format!("{name}: {}", told.trim()))),
            Some(code) => Err(Trouble::Lasting(format!("{name} ended with {code}: {}", told.trim()))),
            None => Err(Trouble::Unsure(format!("{name} was killed"))),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::deliver::MailAddress;

    fn told(script: &str) -> (Result<(), Trouble>, String) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("sendmail");
        std::fs::write(&program, format!("#!/bin/sh\n{}", script.replace("DIR", &dir.path().display().to_string())))
            .unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let (from, to): (MailAddress, MailAddress) = ("a@x.org".parse().unwrap(), "b@x.org".parse().unwrap());
        let envelope = Envelope { from: &from, to: &[to], message: b"Subject: x\r\n\r\nbody" };
        let result = Sendmail { program }.send(&envelope, &mut || Ok(()));
        (result, std::fs::read_to_string(dir.path().join("got")).unwrap_or_default())
    }

    #[test]
    fn it_gets_addresses_and_message() {
        let (result, got) = told("echo \"$@\" > DIR/got; cat >> DIR/got");
        assert_eq!((result, got.as_str()), (Ok(()), "-i -f a@x.org -- b@x.org\nSubject: x\r\n\r\nbody"));
    }

    #[test]
    fn its_exit_code_says_whether_it_may_pass() {
        assert!(
            matches!(told("cat >/dev/null; echo busy >&2; exit 75").0, Err(Trouble::Passing(text)) if text.ends_with("busy"))
        );
        assert!(matches!(told("cat >/dev/null; exit 67").0, Err(Trouble::Lasting(_))));
        assert!(matches!(told("cat >/dev/null; kill -9 $$").0, Err(Trouble::Unsure(_))));
    }
}
