//! What the parts of the pages are, for those who have them read aloud: a tree of headings, paragraphs, tables and figures.

use pdf_writer::types::StructRole;
use pdf_writer::{Finish, Pdf, Ref, TextStr};

/// Place of an element in [`Tags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TagId(usize);

/// Something on a page, or a tag within a tag.
#[derive(Clone, Copy, Debug)]
enum Child {
    Tag(TagId),
    Mark { page: usize, number: i32 },
    Link { object: Ref, page: usize },
}

struct Element {
    role: StructRole,
    parent: Option<TagId>,
    /// What a figure shows, in words.
    alt: Option<String>,
    children: Vec<Child>,
}

/// The tree; its first element is the document.
pub(super) struct Tags {
    elements: Vec<Element>,
}

impl Tags {
    pub const ROOT: TagId = TagId(0);

    pub fn new() -> Tags {
        let root = Element { role: StructRole::Document, parent: None, alt: None, children: Vec::new() };
        Tags { elements: vec![root] }
    }

    pub fn add(&mut self, parent: TagId, role: StructRole) -> TagId {
        self.insert(parent, role, None)
    }

    pub fn figure(&mut self, parent: TagId, alt: &str) -> TagId {
        self.insert(parent, StructRole::Figure, Some(alt.to_owned()))
    }

    fn insert(&mut self, parent: TagId, role: StructRole, alt: Option<String>) -> TagId {
        let id = TagId(self.elements.len());
        self.elements.push(Element { role, parent: Some(parent), alt, children: Vec::new() });
        self.elements[parent.0].children.push(Child::Tag(id));
        id
    }

    /// A stretch of a page belongs to the element.
    pub fn mark(&mut self, tag: TagId, page: usize, number: i32) {
        self.elements[tag.0].children.push(Child::Mark { page, number });
    }

    /// A link of a page does.
    pub fn link(&mut self, tag: TagId, object: Ref, page: usize) {
        self.elements[tag.0].children.push(Child::Link { object, page });
    }

    /// How many objects it takes.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Object of an element, where the tree's begin with `first`.
    pub fn object(&self, first: Ref, tag: TagId) -> Ref {
        Ref::new(first.get() + tag.0 as i32)
    }

    /// Writes the elements; `pages` are the objects of the pages.
    pub fn write(&self, pdf: &mut Pdf, first: Ref, root: Ref, pages: &[Ref]) {
        for (i, element) in self.elements.iter().enumerate() {
            let mut written = pdf.struct_element(self.object(first, TagId(i)));
            written.kind(element.role).parent(element.parent.map_or(root, |parent| self.object(first, parent)));
            if let Some(alt) = &element.alt {
                written.alt(TextStr(alt));
            }
            let mut children = written.children();
            for child in &element.children {
                match *child {
                    Child::Tag(tag) => {
                        children.struct_element(self.object(first, tag));
                    }
                    Child::Mark { page, number } => {
                        children.marked_content_ref().page(pages[page]).marked_content_id(number);
                    }
                    Child::Link { object, page } => {
                        children.object_ref().page(pages[page]).object(object);
                    }
                }
            }
            children.finish();
        }
    }
}
