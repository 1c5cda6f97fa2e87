use std::fmt::Write;

use super::scale::{FINE, WIDE};

/// Writes path data in whole inner units, relative to the last point: half the bytes of absolute ones.
#[derive(Debug, Default)]
pub(super) struct Pen {
    path: String,
    at: (i64, i64),
}

impl Pen {
    /// Starts a line; `y` in pixels.
    pub fn move_to(&mut self, x: f64, y: f64) {
        self.at = rounded(x, y);
        let _ = write!(self.path, "M{} {}", self.at.0, self.at.1);
    }

    /// Draws on to a point; `y` in pixels.
    pub fn line_to(&mut self, x: f64, y: f64) {
        let to = rounded(x, y);
        let (dx, dy) = (to.0 - self.at.0, to.1 - self.at.1);
        let _ = match (dx, dy) {
            (dx, 0) => write!(self.path, "h{dx}"),
            (0, dy) => write!(self.path, "v{dy}"),
            (dx, dy) if dy < 0 => write!(self.path, "l{dx}{dy}"),
            (dx, dy) => write!(self.path, "l{dx} {dy}"),
        };
        self.at = to;
    }

    /// Back to the start.
    pub fn close(&mut self) {
        self.path.push('z');
    }

    pub fn is_empty(&self) -> bool {
        self.path.is_empty()
    }

    pub fn path(&self) -> &str {
        &self.path
    }
}

fn rounded(x: f64, y: f64) -> (i64, i64) {
    ((x.clamp(0.0, WIDE)).round() as i64, (y * FINE).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_and_short() {
        let mut pen = Pen::default();
        pen.move_to(0.0, 10.0);
        pen.line_to(50.0, 10.0);
        pen.line_to(100.0, 5.0);
        pen.line_to(150.0, 7.5);
        pen.line_to(150.0, 0.0);
        pen.close();
        assert_eq!(pen.path(), "M0 100h50l50-50l50 25v-75z");
    }
}
