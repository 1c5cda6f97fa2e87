//! What was counted since the start.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;

/// Why a request did not come through the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barred {
    /// Its host is none of ours.
    Host,
    /// No token, or a wrong one.
    Token,
    /// It comes from another site.
    Origin,
    /// Too many of them.
    Rate,
}

const BARRED: [(Barred, &str); 4] =
    [(Barred::Host, "host"), (Barred::Token, "token"), (Barred::Origin, "origin"), (Barred::Rate, "rate")];

/// Counters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By the first digit of the status.
    answers: [AtomicU64; 6],
    barred: [AtomicU64; BARRED.len()],
    /// Connections for which there was no place.
    turned_away: AtomicU64,
}

impl Tally {
    pub(super) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).min(self.answers.len() - 1);
        self.answers[class].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn barred(&self, why: Barred) {
        if let Some(place) = BARRED.iter().position(|(one, _)| *one == why) {
            self.barred[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// As lines of the text format.
    pub(super) fn expose(&self, out: &mut Exposition) {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        out.family("nodebook_http_answers_total", "counter", "Answers by the class of their status.");
        for (class, counter) in self.answers.iter().enumerate().skip(2) {
            out.sample("nodebook_http_answers_total", &format!("{{status=\"{class}xx\"}}"), get(counter));
        }
        out.family("nodebook_http_barred_total", "counter", "Requests that were barred, by the reason.");
        for ((_, word), counter) in BARRED.iter().zip(&self.barred) {
            out.sample("nodebook_http_barred_total", &format!("{{reason=\"{word}\"}}"), get(counter));
        }
        out.one("nodebook_http_turned_away_total", "counter", "Connections without a place.", get(&self.turned_away));
    }
}

/// A page of the Prometheus text format.
#[derive(Debug, Default)]
pub(super) struct Exposition(pub(super) String);

impl Exposition {
    /// What the samples that follow are.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// `labels` are in braces, or nothing.
    pub(super) fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// A family of one sample.
    pub(super) fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, "", value);
    }
}
