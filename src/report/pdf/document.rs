//! Pages, fonts, tags and bookmarks as the objects of a file.

use std::io::Write;

use chrono::{Datelike, Timelike};
use flate2::{Compression, write::ZlibEncoder};
use pdf_writer::types::{ActionType, AnnotationType};
use pdf_writer::writers::{Page, StructTreeRoot};
use pdf_writer::{Date, Filter, Finish, Name, Pdf, Rect, Ref, Stream, TextStr};

use super::book::{Book, Link, Place, round};
use super::face::Cut;
use super::logo::RESOURCE;
use super::tags::TagId;
use crate::model::Timestamp;
use crate::report::error::ReportError;

/// What a reader shows of the file by itself.
pub(super) struct About<'a> {
    pub title: &'a str,
    pub subject: &'a str,
    pub made_at: Option<Timestamp>,
}

/// The numbers of the objects that others name.
struct Objects {
    catalog: Ref,
    info: Ref,
    pages: Ref,
    fonts: [Ref; 2],
    opacities: Vec<Ref>,
    /// The logo and what is seen of it, where there is one.
    logo: Option<[Ref; 2]>,
    tree: Ref,
    tags: Ref,
    sheets: Vec<Ref>,
    outline: Ref,
}

impl Objects {
    fn of(book: &mut Book) -> Objects {
        let (opacities, tags, sheets) = (book.opacities.len(), book.tags.len(), book.sheets.len());
        Objects {
            catalog: book.object(),
            info: book.object(),
            pages: book.object(),
            fonts: [book.objects(5), book.objects(5)],
            opacities: (0..opacities).map(|_| book.object()).collect(),
            logo: book.logo.is_some().then(|| [book.object(), book.object()]),
            tree: book.object(),
            tags: book.objects(tags),
            sheets: (0..sheets).map(|_| book.object()).collect(),
            outline: book.object(),
        }
    }
}

/// The bytes of the file: the same for the same book.
pub(super) fn bytes(mut book: Book, about: &About<'_>) -> Result<Vec<u8>, ReportError> {
    let objects = Objects::of(&mut book);
    let mut pdf = Pdf::new();
    pdf.set_version(1, 7);
    catalog(&mut pdf, &objects);
    info(&mut pdf, &objects, about);
    pdf.pages(objects.pages).kids(objects.sheets.iter().copied()).count(objects.sheets.len() as i32);
    for (face, first) in book.faces.iter().zip(objects.fonts) {
        face.write(&mut pdf, first)?;
    }
    for (hundredths, number) in &book.opacities {
        let alpha = f32::from(*hundredths) / 100.0;
        pdf.ext_graphics(objects.opacities[*number]).non_stroking_alpha(alpha).stroking_alpha(alpha);
    }
    if let (Some(logo), Some([picture, seen])) = (&book.logo, objects.logo) {
        logo.write(&mut pdf, picture, seen);
    }
    let keyed = sheets(&mut pdf, &mut book, &objects);
    book.tags.write(&mut pdf, objects.tags, objects.tree, &objects.sheets);
    tree(&mut pdf, &mut book, &objects, &keyed);
    outline(&mut pdf, &mut book, &objects);
    Ok(pdf.finish())
}

/// A packed stream.
pub(super) fn deflated(pdf: &mut Pdf, object: Ref, bytes: &[u8], more: impl FnOnce(&mut Stream<'_>)) {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let packed = packer.write_all(bytes).and_then(|()| packer.finish()).unwrap_or_default();
    let mut stream = pdf.stream(object, &packed);
    stream.filter(Filter::FlateDecode);
    more(&mut stream);
}

fn catalog(pdf: &mut Pdf, objects: &Objects) {
    let mut catalog = pdf.catalog(objects.catalog);
    catalog.pages(objects.pages).outlines(objects.outline).lang(TextStr("en"));
    catalog.mark_info().marked(true);
    catalog.viewer_preferences().display_doc_title(true);
    catalog.pair(Name(b"StructTreeRoot"), objects.tree);
}

fn info(pdf: &mut Pdf, objects: &Objects, about: &About<'_>) {
    let maker = concat!("nodebook ", env!("CARGO_PKG_VERSION"));
    let mut info = pdf.document_info(objects.info);
    info.title(TextStr(about.title)).subject(TextStr(about.subject)).creator(TextStr(maker)).producer(TextStr(maker));
    if let Some(made_at) = about.made_at {
        let t = made_at.to_utc();
        let date = Date::new(t.year().clamp(0, 9_999) as u16).month(t.month() as u8).day(t.day() as u8);
        let date = date.hour(t.hour() as u8).minute(t.minute() as u8).second(t.second() as u8);
        info.creation_date(date.utc_offset_hour(0).utc_offset_minute(0));
    }
}

/// Writes the pages; what of the tags belongs to their stretches and links.
fn sheets(pdf: &mut Pdf, book: &mut Book, objects: &Objects) -> Keyed {
    let (width, height) = book.size;
    let top = Place { page: 0, y: round(height) };
    let mut keyed = Keyed::default();
    let all = std::mem::take(&mut book.sheets);
    let pages = all.len();
    for (i, sheet) in all.into_iter().enumerate() {
        let content = book.object();
        let mut page = pdf.page(objects.sheets[i]);
        page.parent(objects.pages).media_box(Rect::new(0.0, 0.0, round(width), round(height))).contents(content);
        page.struct_parents(i as i32);
        // Readers go through links in the order of the tags.
        page.pair(Name(b"Tabs"), Name(b"S"));
        page.annotations(sheet.links.iter().map(|link| link.object));
        resources(&mut page, objects);
        page.finish();
        for link in sheet.links {
            let place = book.anchors.get(&link.target).copied().unwrap_or(top);
            let key = (pages + keyed.links.len()) as i32;
            annotation(pdf, &link, (objects.sheets[place.page], place.y), key);
            keyed.links.push(link.tag);
        }
        keyed.marks.push(sheet.marks);
        deflated(pdf, content, &sheet.content.finish(), |_| ());
    }
    keyed
}

/// Fonts and opacities, the same for all pages.
fn resources(page: &mut Page<'_>, objects: &Objects) {
    let mut resources = page.resources();
    let mut fonts = resources.fonts();
    for (cut, font) in Cut::ALL.into_iter().zip(objects.fonts) {
        fonts.pair(cut.resource(), font);
    }
    fonts.finish();
    let mut states = resources.ext_g_states();
    for (number, object) in objects.opacities.iter().enumerate() {
        states.pair(Name(format!("O{number}").as_bytes()), *object);
    }
    states.finish();
    if let Some([picture, _]) = objects.logo {
        resources.x_objects().pair(RESOURCE, picture);
    }
}

/// Elements of the stretches of each page, and of the links of all.
#[derive(Default)]
struct Keyed {
    marks: Vec<Vec<TagId>>,
    links: Vec<TagId>,
}

fn annotation(pdf: &mut Pdf, link: &Link, (page, y): (Ref, f32), key: i32) {
    let [left, bottom, right, top] = link.area;
    let mut written = pdf.annotation(link.object);
    written.subtype(AnnotationType::Link).border(0.0, 0.0, 0.0, None).contents(TextStr(&link.text));
    written.rect(Rect::new(left, bottom, right, top)).struct_parent(key);
    written.action().action_type(ActionType::GoTo).destination().page(page).xyz(0.0, y, None);
}

/// The root of the tags, and which element each stretch and each link belongs to.
fn tree(pdf: &mut Pdf, book: &mut Book, objects: &Objects, keyed: &Keyed) {
    let mut owners: Vec<Ref> = Vec::new();
    for marks in &keyed.marks {
        let object = book.object();
        pdf.indirect(object).array().items(marks.iter().map(|tag| book.tags.object(objects.tags, *tag)));
        owners.push(object);
    }
    owners.extend(keyed.links.iter().map(|tag| book.tags.object(objects.tags, *tag)));
    let mut root = pdf.indirect(objects.tree).start::<StructTreeRoot<'_>>();
    root.child(objects.tags);
    root.parent_tree_next_key(owners.len() as i32);
    let mut tree = root.parent_tree();
    let mut numbers = tree.nums();
    for (key, object) in owners.into_iter().enumerate() {
        numbers.insert(key as i32, object);
    }
}

/// Sections, and their charts within them.
fn outline(pdf: &mut Pdf, book: &mut Book, objects: &Objects) {
    let marks = std::mem::take(&mut book.bookmarks);
    let places: Vec<Ref> = marks.iter().map(|_| book.object()).collect();
    let outer: Vec<usize> = (0..marks.len()).filter(|i| !marks[*i].inner).collect();
    let mut whole = pdf.outline(objects.outline);
    if let (Some(first), Some(last)) = (outer.first(), outer.last()) {
        whole.first(places[*first]).last(places[*last]).count(outer.len() as i32);
    }
    whole.finish();
    for (n, start) in outer.iter().enumerate() {
        let end = outer.get(n + 1).copied().unwrap_or(marks.len());
        let neighbour = |n: Option<usize>| n.and_then(|n| outer.get(n)).map(|i| places[*i]);
        let inner: Vec<usize> = (start + 1..end).collect();
        let mut item = pdf.outline_item(places[*start]);
        item.parent(objects.outline).title(TextStr(&marks[*start].title));
        neighbour(n.checked_sub(1)).map(|prev| item.prev(prev));
        neighbour(Some(n + 1)).map(|next| item.next(next));
        if let (Some(first), Some(last)) = (inner.first(), inner.last()) {
            // Closed: less than nothing is open.
            item.first(places[*first]).last(places[*last]).count(-(inner.len() as i32));
        }
        item.dest().page(objects.sheets[marks[*start].at.page]).xyz(0.0, marks[*start].at.y, None);
        item.finish();
        for i in &inner {
            let mut item = pdf.outline_item(places[*i]);
            item.parent(places[*start]).title(TextStr(&marks[*i].title));
            if i > &(start + 1) {
                item.prev(places[i - 1]);
            }
            if i + 1 < end {
                item.next(places[i + 1]);
            }
            item.dest().page(objects.sheets[marks[*i].at.page]).xyz(0.0, marks[*i].at.y, None);
        }
    }
}
