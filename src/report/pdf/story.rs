//! Which part of the view becomes which text, table and charts, in the order of the page.

use pdf_writer::types::StructRole;

use super::art::{Art, Drawer, Kind};
use super::book::Book;
use super::face::Cut;
use super::flow::{Flow, HEADED, Run, SIDE, Setting, height, lines};
use super::logo::{Raster, place};
use super::picture::{Frame, draw};
use super::table::{Cell, Column, Grid};
use super::tags::Tags;
use crate::report::error::ReportError;
use crate::report::format::shorten;
use crate::report::section::SectionId;
use crate::report::view::{Bars, Drawn, Heatmap, IncidentRow, Matrix, NodeTable, Placed, Table, Tile, View};

/// Size of letters of running text.
const TEXT: f32 = 8.5;
/// Longest verdict, in characters: some ten lines.
const VERDICT_MAX: usize = 1_000;
/// Column of the words of severity.
const WORD: f32 = 66.0;
/// Tiles beside each other, and height of one.
const TILES: usize = 3;
const TILE: f32 = 78.0;

/// All pages of a report.
pub(super) fn tell(flow: Flow<'_>, view: &View) -> Result<Book, ReportError> {
    let mut teller = Teller { flow, view, drawer: Drawer::new(&view.look) };
    teller.head();
    for placed in &view.sections.placed {
        teller.section(placed)?;
    }
    teller.method();
    teller.numbers();
    teller.foot();
    Ok(teller.flow.book)
}

struct Teller<'a> {
    flow: Flow<'a>,
    view: &'a View,
    drawer: Drawer,
}

impl Teller<'_> {
    fn ink(&self, text: &str) -> Run {
        Run::new(text, self.flow.palette.ink)
    }

    fn muted(&self, text: &str) -> Run {
        Run::new(text, self.flow.palette.muted)
    }

    /// A word of severity with its sign, which says it without colour.
    fn word(&self, token: &str, word: &str) -> Run {
        let sign = match token {
            "bad" => "■",
            "warn" => "▲",
            "info" => "○",
            _ => "●",
        };
        Run::new(&format!("{sign} {word}"), self.flow.palette.token(token)).bold()
    }

    fn head(&mut self) {
        let header = &self.view.header;
        let (room, below) = self.logo();
        let beside = |setting: Setting| Setting { width: setting.width - room, ..setting };
        let title = [self.ink(&header.title).bold()];
        self.flow.text(&title, beside(self.flow.setting(18.0, StructRole::H1)));
        self.flow.skip(2.0);
        let about = format!(" {} · {} · {}", header.length, header.zone, header.nodes);
        let period = format!("{}{}{}", header.origin, header.period, header.compared);
        let period = [self.ink(&period).bold(), self.muted(&about)];
        self.flow.text(&period, beside(self.flow.setting(9.5, StructRole::P)));
        self.flow.y = self.flow.y.min(below);
        if !header.masks.is_empty() {
            self.flow.note(&header.masks);
        }
        self.flow.skip(10.0);
        self.verdict();
    }

    /// The logo in the upper right corner: the width that it takes, and where it ends.
    fn logo(&mut self) -> (f32, f32) {
        let Some(logo) = self.view.look.logo.as_ref().and_then(Raster::of) else { return (0.0, self.flow.y) };
        let (width, height) = logo.size();
        let (x, y) = (SIDE + self.flow.width() - width, self.flow.y - height);
        self.flow.book.logo = Some(logo);
        place(&mut self.flow.book, (x, y), (width, height));
        (width + 12.0, y)
    }

    fn verdict(&mut self) {
        let header = &self.view.header;
        let tone = self.flow.palette.token(header.verdict);
        let text = shorten(&header.verdict_text, VERDICT_MAX); // what it names is told as a whole among the findings
        let runs = [self.word(header.verdict, header.verdict_word), self.ink(&format!(" {text}"))];
        let (x, width) = (SIDE, self.flow.width());
        let setting = Setting { x: x + 12.0, width: width - 24.0, size: 9.5, role: StructRole::P, parent: Tags::ROOT };
        let tall = height(lines(&self.flow.book, &runs, setting.size, setting.width).len(), setting.size) + 14.0;
        self.flow.need(tall);
        let (bottom, card) = (self.flow.y - tall, self.flow.palette.card);
        self.flow.book.untold(|book| {
            book.rectangle((x, bottom), (width, tall), card);
            book.rectangle((x, bottom), (3.0, tall), tone);
        });
        let top = self.flow.y - 7.0;
        self.flow.text_at(&runs, setting, top);
        self.flow.y = bottom;
    }

    fn section(&mut self, placed: &Placed) -> Result<(), ReportError> {
        let view = self.view;
        let art = art(view, placed.id);
        let told_first = !matches!(
            placed.id,
            SectionId::Resources
                | SectionId::Io
                | SectionId::Partitions
                | SectionId::Plots
                | SectionId::Heatmap
                | SectionId::Other
        );
        let follows = match art.first() {
            Some(first) if !told_first => self.flow.height_of(&self.drawer, first)?,
            _ => HEADED,
        };
        self.flow.section(placed.id.name(), &placed.title, follows);
        if !placed.silence.is_empty() {
            self.flow.paragraph(&format!("Nothing to show: {}.", placed.silence));
            return Ok(());
        }
        match placed.id {
            SectionId::Findings => self.findings(),
            SectionId::Summary => self.tiles()?,
            SectionId::Events => self.events(),
            SectionId::Anomalies => self.incidents(),
            SectionId::Correlation => self.correlation(),
            SectionId::Capacity => self.capacity(),
            SectionId::Compare => self.compare(),
            SectionId::Nodes => self.nodes(&view.nodes)?,
            SectionId::Quality => self.quality(),
            // Charts alone.
            SectionId::Resources | SectionId::Io | SectionId::Partitions => {}
            SectionId::Plots | SectionId::Heatmap | SectionId::Other => {}
        }
        self.flow.charts(&self.drawer, &art)?;
        for plot in view.own.iter().filter(|plot| plot.home == placed.id) {
            if let Drawn::Nothing { title, text } = &plot.drawn {
                self.flow.paragraph(&format!("{title}: {text}"));
            }
        }
        if placed.id == SectionId::Other && !view.other.more.is_empty() {
            let names: Vec<String> =
                view.other.unshown.iter().map(|(name, nodes)| format!("{name} ({nodes})")).collect();
            self.flow.note(&format!("{}: {}.", view.other.more, names.join(", ")));
        }
        Ok(())
    }

    fn findings(&mut self) {
        let view = self.view;
        if view.findings.shown.is_empty() {
            self.flow.paragraph("Nothing found.");
        }
        for found in &view.findings.shown {
            let mut runs = vec![self.ink(&found.text)];
            if !found.when.is_empty() {
                runs.push(self.muted(&found.when));
            }
            if !found.link.is_empty() {
                runs.push(Run::new(found.link_text, self.flow.palette.link).to(&found.link));
            }
            self.told(found.severity, found.word, &runs);
        }
        self.flow.note(&view.findings.more);
        self.flow.note(&view.findings.checked);
    }

    /// A sentence with its word of severity before it.
    fn told(&mut self, token: &str, word: &str, runs: &[Run]) {
        let word = [self.word(token, word)];
        let x = SIDE + WORD;
        let setting = Setting { x, width: self.flow.width() - WORD, ..self.flow.setting(TEXT, StructRole::P) };
        let tall = height(lines(&self.flow.book, runs, TEXT, setting.width).len(), TEXT);
        self.flow.need(tall + 4.0);
        let top = self.flow.y;
        self.flow.text_at(&word, Setting { x: SIDE, width: WORD - 4.0, ..setting }, top);
        // One that is longer than a page goes on on the next.
        self.flow.text(runs, setting);
        self.flow.skip(3.0);
    }

    fn tiles(&mut self) -> Result<(), ReportError> {
        let view = self.view;
        let width = self.flow.width() / TILES as f32;
        for row in view.tiles.tiles.chunks(TILES) {
            self.flow.need(TILE);
            let top = self.flow.y;
            for (i, tile) in row.iter().enumerate() {
                self.tile(tile, SIDE + i as f32 * width, top, width - 12.0)?;
            }
            self.flow.y = top - TILE;
        }
        self.flow.note(&view.tiles.note);
        Ok(())
    }

    fn tile(&mut self, tile: &Tile, x: f32, top: f32, width: f32) -> Result<(), ReportError> {
        let setting = Setting { x, width, size: 7.5, role: StructRole::P, parent: Tags::ROOT };
        let label = [self.muted(tile.label)];
        let mut y = top - self.flow.text_at(&label, setting, top);
        let value = [self.ink(&tile.value).bold()];
        y -= self.flow.text_at(&value, Setting { size: 15.0, ..setting }, y);
        let delta = Run::new(&tile.delta, self.flow.palette.token(tile.delta_class)).bold();
        let how = [delta, self.muted(tile.agg_word)];
        y -= self.flow.text_at(&how, Setting { size: 7.0, ..setting }, y) + 2.0;
        if !tile.spark.is_empty() {
            let tree = self.drawer.tree(&tile.spark, width / 0.6, "", "")?;
            let frame = Frame { x, top: y, scale: 0.6 };
            self.flow.book.untold(|book| draw(book, &tree, frame));
        }
        let detail = [self.muted(&tile.detail)];
        self.flow.text_at(&detail, Setting { size: 6.5, ..setting }, y - 18.0);
        Ok(())
    }

    fn events(&mut self) {
        let view = self.view;
        for event in &view.events {
            let change = if event.change.is_empty() { String::new() } else { format!(" · {}", event.change) };
            let runs = [
                self.muted(&event.when),
                self.ink(&event.text).bold(),
                self.muted(&format!("{}{change}", event.nodes)),
            ];
            self.flow.text(&runs, self.flow.setting(TEXT, StructRole::P));
            self.flow.skip(2.0);
        }
        if let Some(table) = &view.event_figures {
            self.plain_table(table);
        }
    }

    fn incidents(&mut self) {
        let Some(incidents) = &self.view.incidents else { return };
        let columns = [
            (Column::Words, "Node"),
            (Column::Words, "What"),
            (Column::Words, "Metric"),
            (Column::Words, "When"),
            (Column::Number, "Value"),
            (Column::Number, "Expected"),
            (Column::Number, "Strength"),
            (Column::Words, "First"),
            (Column::Number, "Others moved"),
        ];
        let row = |row: &IncidentRow| {
            let node = if row.link.is_empty() {
                self.ink(&row.node)
            } else {
                Run::new(&row.node, self.flow.palette.link).to(&row.link)
            };
            let what = Run::new(row.what, self.flow.palette.token(row.severity));
            let rest = [&row.series, &row.when, &row.value, &row.expected, &row.strength, &row.first, &row.others];
            let rest = rest.map(|text| Cell::Text(vec![self.ink(text)]));
            [Cell::Text(vec![node]), Cell::Text(vec![what])].into_iter().chain(rest).collect()
        };
        let grid = Grid {
            caption: "The most important first; value and expected at the moment furthest apart".to_owned(),
            columns: columns.map(|(kind, name)| (kind, name.to_owned())).to_vec(),
            rows: incidents.rows.iter().map(row).collect(),
        };
        self.flow.table(&grid);
        self.flow.note(&incidents.more);
        self.flow.skip(6.0);
    }

    fn correlation(&mut self) {
        let Some(correlation) = &self.view.correlation else { return };
        let kinds = [Column::Number, Column::Number, Column::Words, Column::Number, Column::Words];
        let names = ["Group", "Series", "Closest", "r", "Members"];
        let rows = correlation.groups.iter().enumerate().map(|(i, group)| {
            let texts = [&(i + 1).to_string(), &group.size, &group.closest, &group.r, &group.members];
            texts.map(|text| Cell::Text(vec![self.ink(text)])).into_iter().collect()
        });
        let grid = Grid {
            caption: "Groups of series that step up and down at the same moments, beyond what the time of day explains; no cause is meant"
                .to_owned(),
            columns: kinds.into_iter().zip(names.map(str::to_owned)).collect(),
            rows: rows.collect(),
        };
        self.flow.table(&grid);
        self.flow.note(&correlation.more);
        self.flow.skip(6.0);
    }

    fn capacity(&mut self) {
        let Some(capacity) = &self.view.capacity else { return };
        self.flow.paragraph(&capacity.lead);
        let names = ["Node", "What", "Now", "Growth a day", "Full about", "Between", "In words"];
        let kinds =
            [Column::Words, Column::Words, Column::Number, Column::Number, Column::Words, Column::Words, Column::Words];
        let rows = capacity.rows.iter().map(|row| {
            let texts = [&row.node, &row.what, &row.level, &row.growth, &row.full_on, &row.between, &row.text];
            texts.map(|text| Cell::Text(vec![self.ink(text)])).into_iter().collect()
        });
        let grid = Grid {
            caption: "The trend of the daily peaks since the last clean-up, where there is one; the range covers what days as uneven as these allow"
                .to_owned(),
            columns: kinds.into_iter().zip(names.map(str::to_owned)).collect(),
            rows: rows.collect(),
        };
        self.flow.table(&grid);
        self.flow.note(&capacity.more);
        self.flow.skip(6.0);
    }

    fn compare(&mut self) {
        let view = self.view;
        let Some(compare) = &view.compare else { return };
        self.flow.paragraph(&format!("{} {}", compare.lead, compare.nodes));
        for told in &compare.shown {
            let mut runs = vec![self.ink(&told.text)];
            if !told.link.is_empty() {
                runs.push(Run::new("Chart", self.flow.palette.link).to(&told.link));
            }
            self.told(told.class, told.word, &runs);
        }
        self.flow.note(&compare.more);
        self.flow.note(&compare.rule);
        self.plain_table(&compare.table);
    }

    fn nodes(&mut self, nodes: &NodeTable) -> Result<(), ReportError> {
        let header = &self.view.header;
        let sparks = !nodes.spark.is_empty();
        let mut columns = vec![(Column::Words, "Node".to_owned())];
        if sparks {
            columns.push((Column::Spark, nodes.spark.clone()));
        }
        columns.extend(nodes.columns.iter().map(|c| (Column::Number, format!("{} {}", c.name, c.stat))));
        columns.push((Column::Number, "Data complete".to_owned()));
        let mut rows = Vec::new();
        for node in &nodes.rows {
            let mut row = vec![Cell::Text(vec![self.ink(&node.node)])];
            if sparks {
                let tree = match node.spark.as_str() {
                    "" => None,
                    svg => Some(Box::new(self.drawer.tree(svg, 118.0, "", "")?)),
                };
                row.push(Cell::Spark(tree));
            }
            row.extend(node.cells.iter().map(|cell| Cell::Text(vec![self.ink(&cell.text)])));
            row.push(Cell::Text(vec![self.ink(&node.coverage)]));
            rows.push(row);
        }
        let spark =
            if sparks { format!("; the small lines show {}, all on one scale", nodes.spark) } else { String::new() };
        let caption = format!("{} over {}{spark}", header.nodes, header.period);
        self.flow.table(&Grid { caption, columns, rows });
        Ok(())
    }

    fn quality(&mut self) {
        let quality = &self.view.quality;
        self.flow.paragraph(&quality.summary);
        self.flow.paragraph(&quality.resolution);
        let text = |text: &String| Cell::Text(vec![self.ink(text)]);
        let numbers =
            |names: &[&str]| names.iter().map(|name| (Column::Number, (*name).to_owned())).collect::<Vec<_>>();
        let complete = quality.rows.iter().map(|row| {
            [&row.node, &row.interval, &row.expected, &row.present, &row.share, &row.gaps, &row.longest]
                .map(text)
                .into_iter()
                .collect()
        });
        let complete = Grid {
            caption: "Samplings that are there of those that should be, the least complete first".to_owned(),
            columns: numbers(&["Node", "Interval", "Expected", "There", "Complete", "Gaps", "Longest gap"]),
            rows: complete.collect(),
        };
        let gaps =
            quality.gaps.iter().map(|gap| [&gap.node, &gap.from, &gap.to, &gap.length].map(text).into_iter().collect());
        let gaps = Grid {
            caption: "Stretches without any sample of a node, the longest first".to_owned(),
            columns: numbers(&["Node", "From", "To", "Length"]),
            rows: gaps.collect(),
        };
        self.flow.table(&complete);
        self.flow.note(&quality.more);
        self.flow.table(&gaps);
        self.flow.note(&quality.more_gaps);
    }

    fn method(&mut self) {
        self.flow.section("method", "Method", HEADED);
        let rows = self.view.method.metrics.iter().map(|(title, name, made_of)| {
            [title, name, made_of].map(|text| Cell::Text(vec![self.ink(text)])).into_iter().collect()
        });
        let names = ["Shown", "Name", "Made of"];
        let grid = Grid {
            caption: "Shown metrics and what they are made of".to_owned(),
            columns: names.map(|name| (Column::Words, name.to_owned())).to_vec(),
            rows: rows.collect(),
        };
        self.flow.table(&grid);
        if !self.view.sections.left_out.is_empty() {
            self.flow.note(&format!("Sections that are left out: {}", self.view.sections.left_out));
        }
        self.flow.note(
            "The HTML report of the same period has these charts to zoom and filter, and the query that gives every finding again.",
        );
    }

    /// What stands below each chart of a page, where it can be folded away.
    fn numbers(&mut self) {
        use SectionId::{Heatmap, Io, Other, Partitions, Plots, Resources};
        let view = self.view;
        let placed = view.sections.placed.iter().map(|placed| placed.id);
        let of_charts = placed.filter(|id| matches!(id, Resources | Io | Partitions | Plots | Heatmap | Other));
        let tables = of_charts.flat_map(|id| art(view, id)).filter_map(|art| art.table);
        let tables: Vec<&Table> = tables.filter(|table| !table.rows.is_empty()).collect();
        if tables.is_empty() {
            return;
        }
        self.flow.section("numbers", "Numbers of the charts", HEADED);
        for table in tables {
            self.plain_table(table);
        }
    }

    /// Where it comes from, and a line at the foot of every page.
    fn foot(&mut self) {
        let (header, footer) = (&self.view.header, &self.view.footer);
        let hash = if footer.hash.is_empty() { String::new() } else { format!(" ({})", footer.hash) };
        let made = if footer.made.is_empty() { String::new() } else { format!(" · made {}", footer.made) };
        self.flow.skip(10.0);
        self.flow.note(&format!("nodebook {} · {} of {}{hash}{made}", header.version, footer.series, footer.origin));
        self.flow.note(&footer.command);
        let pages = self.flow.book.sheets.len();
        let muted = self.flow.palette.muted;
        let (width, name) = (self.flow.width(), format!("{} · {}", header.title, header.period));
        let name: String = name.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
        let face = self.flow.book.face(Cut::Regular);
        let cut = name.char_indices().map(|(at, _)| at).chain([name.len()]);
        let fits = cut.take_while(|at| face.width(&name[..*at]) * 7.0 < width - 80.0).last().unwrap_or(0);
        for page in 0..pages {
            let number = format!("{} / {pages}", page + 1);
            let right = SIDE + width - self.flow.book.face(Cut::Regular).width(&number) * 7.0;
            self.flow.book.go_to(page);
            self.flow.book.untold(|book| {
                book.text((SIDE, 26.0), &name[..fits], Cut::Regular, 7.0, muted);
                book.text((right, 26.0), &number, Cut::Regular, 7.0, muted);
            });
        }
    }

    /// A table of plain texts.
    fn plain_table(&mut self, table: &Table) {
        let columns = table
            .head
            .iter()
            .enumerate()
            .map(|(i, name)| (if i == 0 { Column::Words } else { Column::Number }, (*name).to_owned()));
        let rows = table.rows.iter().map(|row| row.iter().map(|text| Cell::Text(vec![self.ink(text)])).collect());
        let grid = Grid { caption: table.caption.clone(), columns: columns.collect(), rows: rows.collect() };
        self.flow.table(&grid);
        self.flow.note(&table.note);
    }
}

/// The charts of a section, in order.
fn art(view: &View, id: SectionId) -> Vec<Art<'_>> {
    let mut art: Vec<Art> = Vec::new();
    match id {
        SectionId::Resources => art.extend(view.resources.iter().map(Art::of)),
        SectionId::Io => art.extend(view.io.iter().map(Art::of)),
        SectionId::Partitions => {
            let all = view.partitions.iter();
            art.extend(all.clone().flat_map(|p| &p.bars).map(of_bars));
            art.extend(all.flat_map(|p| &p.lines).map(Art::of));
        }
        SectionId::Heatmap => art.extend(view.heatmap.iter().map(of_heatmap)),
        SectionId::Anomalies => {
            art.extend(view.incidents.iter().flat_map(|all| &all.charts).map(|one| Art::of(&one.chart)));
        }
        SectionId::Correlation => {
            art.extend(view.correlation.iter().filter_map(|all| all.matrix.as_ref()).map(of_matrix));
        }
        SectionId::Capacity => {
            art.extend(view.capacity.iter().flat_map(|all| &all.charts).map(|one| Art::of(&one.chart)));
        }
        SectionId::Other => art.extend(view.other.charts.iter().map(Art::of)),
        SectionId::Findings | SectionId::Summary | SectionId::Events | SectionId::Plots => {}
        SectionId::Compare | SectionId::Nodes | SectionId::Quality => {}
    }
    for plot in view.own.iter().filter(|plot| plot.home == id) {
        match &plot.drawn {
            Drawn::Line(chart) => art.push(Art::of(chart)),
            Drawn::Bars(bars) => art.push(of_bars(bars)),
            Drawn::Heat(heat) => art.push(of_heatmap(heat)),
            Drawn::Nothing { .. } => {}
        }
    }
    art
}

fn of_bars(bars: &Bars) -> Art<'_> {
    Art {
        id: &bars.id,
        kind: Kind::Bars,
        wide: false,
        title: &bars.title,
        subtitle: &bars.subtitle,
        sentence: &bars.sentence,
        svg: &bars.svg,
        key: &[],
        legend: None,
        table: Some(&bars.table),
        note: format!("{} {}", bars.changes, bars.more).trim().to_owned(),
    }
}

fn of_matrix(matrix: &Matrix) -> Art<'_> {
    Art {
        id: "matrix",
        kind: Kind::Matrix,
        wide: true,
        title: matrix.title,
        subtitle: matrix.subtitle,
        sentence: &matrix.sentence,
        svg: &matrix.svg,
        key: &[],
        legend: Some(&matrix.legend),
        table: None,
        note: String::new(),
    }
}

fn of_heatmap(heat: &Heatmap) -> Art<'_> {
    Art {
        id: &heat.id,
        kind: Kind::Heat,
        wide: true,
        title: &heat.title,
        subtitle: &heat.subtitle,
        sentence: &heat.sentence,
        svg: &heat.svg,
        key: &[],
        legend: Some(&heat.legend),
        table: Some(&heat.table),
        note: heat.more.clone(),
    }
}
