//! The values of a column of a group, read page by page.

use std::cell::{Cell as Counter, RefCell};
use std::io::{self, Read, Seek, SeekFrom};

use super::Trouble;
use crate::codec::parquet::{
    Cell, Cells, Chunk, Column, Dictionary, Footer, PageHead, PageKind, ParquetError, TAIL_BYTES, footer_length, open,
    page_head,
};
use crate::ingest::limits::{DOCUMENT_BYTES_MAX, PARQUET_HELD_BYTES_MAX};

/// Bytes in which most heads of pages are found whole; one with long statistics takes more.
const HEAD_BYTES: u64 = 512;
/// Longest head of a page.
const HEAD_BYTES_MAX: u64 = 1 << 20;

/// A file whose columns are read side by side.
pub(super) struct File<F> {
    file: RefCell<F>,
    length: u64,
    /// Bytes of pages and dictionaries that are held.
    held: Counter<usize>,
}

impl<F: Read + Seek> File<F> {
    pub(super) fn new(mut file: F) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        Ok(File { file: RefCell::new(file), length, held: Counter::new(0) })
    }

    pub(super) fn footer(&self) -> Result<Footer, Trouble> {
        let tail_at = self.length.checked_sub(TAIL_BYTES as u64).ok_or(ParquetError::Cut)?;
        let length = footer_length(&self.bytes(tail_at, TAIL_BYTES as u64)?)?;
        bearable("the footer", length)?;
        Ok(Footer::read(&self.bytes(tail_at.checked_sub(length).ok_or(ParquetError::Cut)?, length)?)?)
    }

    fn bytes(&self, at: u64, length: u64) -> Result<Vec<u8>, Trouble> {
        if at.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(ParquetError::Page("it lies beyond the end of the file").into());
        }
        let mut bytes = vec![0; length as usize];
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Counts what a column holds, and refuses what is more than all may hold together.
    fn hold(&self, before: usize, now: usize) -> Result<(), Trouble> {
        let held = self.held.get().saturating_sub(before) + now;
        self.held.set(held);
        if held > PARQUET_HELD_BYTES_MAX {
            let (bytes, limit) = (held as u64, PARQUET_HELD_BYTES_MAX as u64);
            return Err(ParquetError::Large { what: "pages that lie side by side", bytes, limit }.into());
        }
        Ok(())
    }
}

fn bearable(what: &'static str, bytes: u64) -> Result<(), ParquetError> {
    let limit = DOCUMENT_BYTES_MAX as u64;
    if bytes > limit { Err(ParquetError::Large { what, bytes, limit }) } else { Ok(()) }
}

/// A column of a group.
pub(super) struct Values<'f, F> {
    file: &'f File<F>,
    column: &'f Column,
    chunk: Chunk,
    /// Where the next page is.
    at: u64,
    /// Values of pages that were not opened yet.
    left: u64,
    dictionary: Option<Dictionary>,
    cells: Option<Cells>,
    held: usize,
}

impl<'f, F: Read + Seek> Values<'f, F> {
    pub(super) fn new(file: &'f File<F>, column: &'f Column, chunk: Chunk) -> Result<Self, Trouble> {
        if chunk.is_elsewhere {
            return Err(ParquetError::Page("it lies in another file").into());
        }
        let (at, left) = (chunk.offset, chunk.values);
        Ok(Values { file, column, chunk, at, left, dictionary: None, cells: None, held: 0 })
    }

    /// The next value. There is one for every row; the file is damaged where there is not.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Cell<'_>, Trouble> {
        while self.cells.as_ref().is_none_or(|cells| cells.left() == 0) {
            self.load()?;
        }
        let cell = self.cells.as_mut().map(|cells| cells.next(self.dictionary.as_ref())).transpose()?.flatten();
        cell.ok_or(Trouble::Parquet(ParquetError::Page("it ends before its rows do")))
    }

    fn load(&mut self) -> Result<(), Trouble> {
        if self.left == 0 {
            return Err(ParquetError::Page("its column ends before the rows do").into());
        }
        let head = self.head()?;
        bearable("a page", head.packed.max(head.unpacked))?;
        let packed = self.file.bytes(self.at, head.packed)?;
        self.at += head.packed;
        match head.kind {
            PageKind::Dictionary => {
                let bytes = open(&head, self.chunk.codec, &packed)?;
                self.dictionary = Some(Dictionary::read(self.column, &head, bytes)?);
            }
            PageKind::Data | PageKind::Data2 { .. } => {
                let bytes = open(&head, self.chunk.codec, &packed)?;
                self.left = self.left.saturating_sub(head.values);
                self.cells = Some(Cells::new(self.column, &head, bytes)?);
            }
            PageKind::Other => {}
        }
        let held = self.cells.as_ref().map_or(0, Cells::held) + self.dictionary.as_ref().map_or(0, Dictionary::held);
        self.file.hold(self.held, held)?;
        self.held = held;
        Ok(())
    }

    fn head(&mut self) -> Result<PageHead, Trouble> {
        let mut length = HEAD_BYTES;
        loop {
            let there = length.min(self.file.length.saturating_sub(self.at));
            match page_head(&self.file.bytes(self.at, there)?) {
                Ok((head, length)) => {
                    self.at += length as u64;
                    return Ok(head);
                }
                Err(error) if there < length || length >= HEAD_BYTES_MAX => return Err(error.into()),
                Err(_) => length *= 4,
            }
        }
    }
}

impl<F> Drop for Values<'_, F> {
    fn drop(&mut self) {
        self.file.held.set(self.file.held.get().saturating_sub(self.held));
    }
}
