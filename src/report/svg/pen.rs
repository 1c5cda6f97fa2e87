use std::fmt::Write;

use super::canvas::Canvas;

/// Writes path data relative to the last point: half the bytes of absolute ones.
#[derive(Debug)]
pub(super) struct Pen {
    canvas: Canvas,
    path: String,
    at: (i64, i64),
}

impl Pen {
    pub fn new(canvas: Canvas) -> Pen {
        Pen { canvas, path: String::new(), at: (0, 0) }
    }

    /// Starts a line; `x` is a share of the width, `y` in pixels.
    pub fn move_to(&mut self, x: f64, y: f64) {
        self.at = self.rounded(x, y);
        self.path.push('M');
        self.number(self.at.0);
        if self.at.1 >= 0 {
            self.path.push(' ');
        }
        self.number(self.at.1);
    }

    /// Draws on to a point.
    pub fn line_to(&mut self, x: f64, y: f64) {
        let to = self.rounded(x, y);
        let (dx, dy) = (to.0 - self.at.0, to.1 - self.at.1);
        self.at = to;
        if dy == 0 {
            self.path.push('h');
            return self.number(dx);
        }
        if dx == 0 {
            self.path.push('v');
            return self.number(dy);
        }
        self.path.push('l');
        self.number(dx);
        if dy > 0 {
            self.path.push(' ');
        }
        self.number(dy);
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

    fn rounded(&self, x: f64, y: f64) -> (i64, i64) {
        let (wide, fine) = self.canvas.units();
        ((x.clamp(0.0, 1.0) * wide).round() as i64, (y * fine).round() as i64)
    }

    fn number(&mut self, units: i64) {
        let _ = match self.canvas {
            Canvas::Fluid => write!(self.path, "{units}"),
            // Tenths of a pixel.
            Canvas::Fixed(_) => write!(self.path, "{}", units as f64 / 10.0),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(canvas: Canvas) -> String {
        let mut pen = Pen::new(canvas);
        pen.move_to(0.0, 10.0);
        pen.line_to(0.1, 10.0);
        pen.line_to(0.2, 5.0);
        pen.line_to(0.3, 7.5);
        pen.line_to(0.3, 0.0);
        pen.close();
        pen.path().to_owned()
    }

    #[test]
    fn a_path_is_relative_and_short() {
        assert_eq!(path(Canvas::Fluid), "M0 50h200l200-25l200 13v-38z");
        assert_eq!(path(Canvas::Fixed(640.0)), "M0 10h64l64-5l64 2.5v-7.5z");
    }
}
