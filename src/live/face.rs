//! What is answered, path by path.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::get;
use chrono_tz::Tz;
use tokio::sync::watch;

use super::answer::{Refusal, dress};
use super::connection::{Connections, Ends};
use super::figures::Figures;
use super::gate::{Asked, Gate, HEALTH};
use super::limits::{LOOKS_AT_ONCE, QUERIES_AT_ONCE, QUESTIONS_AT_ONCE};
use super::page::{self, Studio};
use super::push::{self, Desk, Intake};
use super::secret::Token;
use super::sources::Sources;
use super::tally::Tally;
use super::turn::Turns;
use super::{api, health, metrics};
use crate::model::Timestamp;
use crate::model::catalogue::Catalogue;
use crate::query::remote::EngineAccess;
use crate::report::ReportOptions;

/// What is shown of one database, or of one engine.
#[derive(Clone, Debug)]
pub struct Face {
    /// The database; what batches have made is always looked up there.
    pub db: PathBuf,
    /// An engine that is asked in its place.
    pub engine: Option<EngineAccess>,
    /// Zone of times in questions.
    pub timezone: Tz,
    /// What is known of metrics.
    pub catalogue: Catalogue,
    /// How live pages look, and what counts on them; the time and the selection are those that are asked for.
    pub report: ReportOptions,
    /// Where pushed samples go, where they are taken.
    pub intake: Option<Intake>,
    /// What else is told on `/metrics`.
    pub figures: Option<Figures>,
}

/// What all requests share.
pub(super) struct Hall {
    pub(super) face: Face,
    pub(super) started: Timestamp,
    pub(super) tally: Arc<Tally>,
    pub(super) connections: Arc<Connections>,
    pub(super) looks: Turns,
    pub(super) questions: Turns,
    pub(super) queries: Turns,
    pub(super) desk: Option<Arc<Desk>>,
    pub(super) sources: Arc<Sources>,
    pub(super) studio: Arc<Studio>,
    pub(super) stopped: watch::Receiver<bool>,
    gate: Gate,
}

/// What the clock says.
pub(super) fn clock() -> Timestamp {
    SystemTime::now().into()
}

impl Face {
    pub(super) fn router(
        self,
        token: Option<Token>,
        hosts: &[String],
        stopped: watch::Receiver<bool>,
    ) -> (Router, Arc<Connections>) {
        let tally = Arc::new(Tally::default());
        let connections = Connections::new(Arc::clone(&tally));
        let desk = self.intake.clone().map(|intake| Desk::new(intake, &self));
        let sources = Arc::new(Sources::new(self.db.clone(), self.engine.clone(), self.catalogue.clone()));
        let studio = Studio::new(self.clone(), Arc::clone(&sources));
        tokio::spawn(Arc::clone(&studio).watch(stopped.clone()));
        let hall = Arc::new(Hall {
            face: self,
            started: clock(),
            tally,
            connections: Arc::clone(&connections),
            looks: Turns::new(LOOKS_AT_ONCE, "looks at the database"),
            questions: Turns::new(QUESTIONS_AT_ONCE, "questions"),
            queries: Turns::new(QUERIES_AT_ONCE, "queries"),
            desk: desk.clone(),
            sources,
            studio,
            stopped,
            gate: Gate::new(token, hosts),
        });
        let router = Router::new()
            .route(HEALTH, get(health::health))
            .route("/metrics", get(metrics::metrics))
            .route("/api/series", get(api::series))
            .route("/api/query", get(api::query))
            .route("/api/sql", get(api::sql_asked).post(api::sql_sent))
            .merge(page::routes())
            .merge(desk.map(push::routes).unwrap_or_default())
            .fallback(nothing_here)
            .method_not_allowed_fallback(not_so)
            .layer(from_fn_with_state(Arc::clone(&hall), door))
            .with_state(hall);
        (router, connections)
    }
}

/// Every request comes in here, and every answer goes out.
async fn door(State(hall): State<Arc<Hall>>, request: Request, next: Next) -> Response<Body> {
    let ends = request.extensions().get::<Ends>().copied();
    let checked = match ends {
        None => Err(Refusal::failed("a connection without ends")),
        Some(ends) => {
            let asked = Asked {
                method: request.method(),
                uri: request.uri(),
                headers: request.headers(),
                from: ends.client.ip(),
                at: ends.here.ip(),
            };
            hall.gate.check(&asked, Instant::now()).map_err(|(why, refusal)| {
                hall.tally.barred(why);
                refusal
            })
        }
    };
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    dress(&mut response);
    hall.tally.answered(response.status());
    response
}

async fn nothing_here() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "there is nothing here: `nodebook serve --help` and `nodebook record --help` list the paths",
    )
}

async fn not_so() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "not by this method: `nodebook serve --help` and `nodebook record --help` list the paths",
    )
}
