use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::super::answer::Refusal;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Samples that are stored now, or were before.
    pub(super) samples: u64,
    /// Samples and lines that are not.
    pub(super) refused: u64,
    /// The first of them and why.
    pub(super) first_refusal: Option<String>,
}

impl Taken {
    /// What was not taken, in words; `None` where everything was.
    pub(super) fn left_out(&self) -> Option<String> {
        let first = self.first_refusal.as_deref().filter(|_| self.refused > 0)?;
        Some(match (self.samples, self.refused) {
            (0, 1) => first.to_owned(),
            (0, refused) => format!("nothing is stored: {refused} were refused, the first: {first}"),
            (samples, refused) => {
                format!("{samples} samples are stored and {refused} were refused, the first: {first}")
            }
        })
    }

    /// 204, or 400: what was refused stays refused, however often it is sent.
    pub(super) fn answer(self) -> Result<Response<Body>, Refusal> {
        match self.left_out() {
            Some(text) => Err(Refusal::bad(text)),
            None => Ok(nothing(StatusCode::NO_CONTENT)),
        }
    }
}

/// An answer without a body.
pub(super) fn nothing(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_taken_is_said() {
        let said = |samples, refused| {
            Taken { samples, refused, first_refusal: (refused > 0).then(|| "line 2: no".to_owned()) }.left_out()
        };
        assert_eq!(said(5, 0), None);
        assert_eq!(said(0, 1).unwrap(), "line 2: no");
        assert_eq!(said(0, 2).unwrap(), "nothing is stored: 2 were refused, the first: line 2: no");
        assert_eq!(said(5, 2).unwrap(), "5 samples are stored and 2 were refused, the first: line 2: no");
    }
}
