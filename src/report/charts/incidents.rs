use plotly::common::{Marker, MarkerSymbol, Mode};
use plotly::layout::{Shape as Drawn, ShapeLayer, ShapeLine, ShapeType};
use plotly::{Plot, Scatter, Trace};

use crate::codec::page::{Packer, Scale};
use crate::report::figure::{LineFigure, Mark, MarkShape, Span};

use super::figures::{Arrays, band_style, colour, line_layout, line_style};
use super::trace::{Source, Sourced};

/// A figure that has a grid of its own: its columns are packed, its traces say which.
pub(super) fn own_plot(packer: &mut Packer, figure: &LineFigure<'_>, bits: u8) -> Plot {
    let bands = figure.bands.iter().filter(|band| !band.lo.is_empty());
    let lines: Vec<&[f64]> = figure.lines.iter().map(|line| line.values).filter(|values| !values.is_empty()).collect();
    let all = bands.clone().flat_map(|band| [band.lo, band.hi]).chain(lines.iter().copied());
    let scale = Scale::of(all.flatten(), bits);
    let mut plot = Plot::new();
    for band in bands {
        let base = packer.add(scale, [band.lo, band.hi]);
        let nb = Source::Between { lo: base.first, hi: base.first + 1 };
        plot.add_trace(Box::new(Sourced {
            trace: band_style(Box::<Scatter<String, f64>>::default(), band, Arrays::Packed),
            nb,
        }));
    }
    let base = packer.add(scale, lines.iter().copied());
    for (n, line) in (0..).zip(figure.lines.iter().filter(|line| !line.values.is_empty())) {
        let nb = Source::Own { col: base.first + n };
        plot.add_trace(Box::new(Sourced {
            trace: line_style(Box::<Scatter<String, f64>>::default(), line, Arrays::Packed),
            nb,
        }));
    }
    plot.add_traces(figure.mark.iter().map(mark_trace).collect());
    let mut layout = line_layout(figure, Arrays::Packed);
    if let Some(span) = &figure.span {
        layout.add_shape(span_shape(figure, span));
    }
    plot.set_layout(layout);
    plot
}

fn mark_trace(mark: &Mark) -> Box<dyn Trace> {
    let symbol = match mark.shape {
        MarkShape::Dot => MarkerSymbol::Circle,
        MarkShape::Triangle => MarkerSymbol::TriangleUp,
        MarkShape::Diamond => MarkerSymbol::Diamond,
    };
    let marker = Marker::new().symbol(symbol).size(11).color(colour(mark.ink));
    let trace = Box::<Scatter<String, f64>>::default().mode(Mode::Markers).marker(marker).name("event");
    Box::new(Sourced { trace, nb: Source::Mark { at: mark.at.millis(), value: mark.value } })
}

/// The stretch over the whole height, below the lines.
fn span_shape(figure: &LineFigure<'_>, span: &Span) -> Drawn {
    Drawn::new()
        .shape_type(ShapeType::Rect)
        .layer(ShapeLayer::Below)
        .y_ref("paper")
        .y0(0.0)
        .y1(1.0)
        .x0(figure.clock.plotly(span.range.from()))
        .x1(figure.clock.plotly(span.range.to()))
        .fill_color(colour(span.ink))
        .opacity(0.12)
        .line(ShapeLine::new().width(0.0))
}
