//! A checksum in every page of the file, so that damage anywhere in it, a key, a pointer or a count of SQLite's own too, is an error.
//!
//! The last [`RESERVED_BYTES`] of a page, which SQLite leaves alone, hold its signature: the CRC-32C (little endian) of the page's number (from
//! 1, 4 bytes little endian) and of all bytes before it; a sum of 0 is stored as `0xffff_ffff`.
//!
//! Of page 1 the [`COUNTERS`] count as zeros: SQLite sets them anew in a copy (`.backup` of a `sqlite3` shell, and the interface behind it), where
//! all other bytes, signatures too, are those of the original. They tell an open connection whether to read the schema or a page once more, and
//! which SQLite wrote last: no answer depends on them. Files made before that have a sum over all bytes, which is right, too.
//!
//! Zeros there are what another program writes that makes a page: `VACUUM` in a `sqlite3` shell, or a shell that is the first to open a file
//! whose recorder was killed and so moves the log into it. Such pages are read (their rows have checksums of their own) for as long as page 1
//! is unsigned too, which is so as every commit of ours has page 1 in it. The next checkpoint of ours signs them all.
//!
//! SQLite has no hook for this but its interface to the operating system (VFS). [`NAME`] is the default one with two functions replaced, those
//! that read and write pages of the main file; the log has checksums of SQLite's. In memory and in the log the reserved bytes are zero.

use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

use rusqlite::{Connection, ffi};

use super::StoreError;

/// What SQLite keeps free at the end of each page for us.
pub(super) const RESERVED_BYTES: usize = 4;

const UNSIGNED: [u8; RESERVED_BYTES] = [0; RESERVED_BYTES];

/// The VFS that checks.
const NAME: &CStr = c"nodebook";

/// The name of the VFS that checks, once it is known to SQLite.
pub(super) fn vfs() -> Result<&'static CStr, StoreError> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    match *REGISTERED.get_or_init(register) {
        ffi::SQLITE_OK => Ok(NAME),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()),
    }
}

/// Has SQLite keep the bytes free: to be asked before the first table is made.
pub(super) fn reserve(conn: &Connection) -> Result<(), StoreError> {
    ask_reserved(conn, RESERVED_BYTES as c_int)?;
    Ok(())
}

/// How many bytes a page has free, in a file of which something was read.
pub(super) fn reserved(conn: &Connection) -> rusqlite::Result<usize> {
    Ok(ask_reserved(conn, -1)?.unsigned_abs() as usize)
}

/// Sets the number of bytes, but for a negative one; returns what it was.
#[expect(unsafe_code, reason = "SQLite's interface")]
fn ask_reserved(conn: &Connection, mut bytes: c_int) -> rusqlite::Result<c_int> {
    // SAFETY: the handle is open for as long as `conn` is borrowed; this request takes a pointer to an int.
    let code = unsafe {
        let argument = (&raw mut bytes).cast::<c_void>();
        ffi::sqlite3_file_control(conn.handle(), c"main".as_ptr(), ffi::SQLITE_FCNTL_RESERVE_BYTES, argument)
    };
    if code == ffi::SQLITE_OK { Ok(bytes) } else { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)) }
}

/// Where page 1 has the count of changes, that of changes to the schema, and the first count once more beside the version of who wrote last.
const COUNTERS: [Range<usize>; 3] = [24..28, 40..44, 92..100];

/// The header of a file, at the beginning of page 1.
const HEADER_BYTES: usize = 100;

fn checksum(number: u32, content: &[u8]) -> [u8; RESERVED_BYTES] {
    match content.split_first_chunk::<HEADER_BYTES>() {
        Some((header, rest)) if number == 1 => {
            let mut header = *header;
            COUNTERS.into_iter().for_each(|counter| header[counter].fill(0));
            checksum_of([&number.to_le_bytes(), &header, rest])
        }
        _ => checksum_of([&number.to_le_bytes(), &[], content]),
    }
}

fn checksum_of(parts: [&[u8]; 3]) -> [u8; RESERVED_BYTES] {
    let sum = parts.into_iter().fold(0, crc32c::crc32c_append);
    if sum == 0 { [0xff; RESERVED_BYTES] } else { sum.to_le_bytes() }
}

/// Puts the checksum in.
fn sign(number: u32, page: &mut [u8]) {
    if let Some((content, sum)) = page.split_last_chunk_mut::<RESERVED_BYTES>() {
        *sum = checksum(number, content);
    }
}

/// What the signature of a page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    Right,
    Wrong,
    Missing,
}

/// Verifies a page and leaves zeros where its signature was.
fn verify(number: u32, page: &mut [u8]) -> Signature {
    let Some((content, sum)) = page.split_last_chunk_mut::<RESERVED_BYTES>() else { return Signature::Wrong };
    match std::mem::take(sum) {
        UNSIGNED => Signature::Missing,
        found if found == checksum(number, content) => Signature::Right,
        found if number == 1 && found == checksum_of([&number.to_le_bytes(), &[], content]) => Signature::Right,
        _ => Signature::Wrong,
    }
}

/// The number of the page that is read or written; `None` where it is not a page: SQLite looks at the file's header by itself too.
fn page_number(amount: c_int, offset: i64) -> Option<u32> {
    let whole = amount >= 512 && amount.count_ones() == 1 && offset % i64::from(amount) == 0;
    whole.then(|| u32::try_from(offset / i64::from(amount) + 1).ok()).flatten()
}

type Open = unsafe extern "C" fn(
    *mut ffi::sqlite3_vfs,
    ffi::sqlite3_filename,
    *mut ffi::sqlite3_file,
    c_int,
    *mut c_int,
) -> c_int;
type Read = unsafe extern "C" fn(*mut ffi::sqlite3_file, *mut c_void, c_int, i64) -> c_int;
type Write = unsafe extern "C" fn(*mut ffi::sqlite3_file, *const c_void, c_int, i64) -> c_int;

/// Lies behind what the default VFS keeps of an open file. A file's `pMethods` point at `methods`, and so at all of it.
#[repr(C)]
struct Hook {
    methods: ffi::sqlite3_io_methods,
    read: Read,
    write: Write,
}

/// Tells SQLite of the VFS: a copy of the default one with its own way to open, and room for a [`Hook`] in each file.
#[expect(unsafe_code, reason = "SQLite's interface")]
fn register() -> c_int {
    // SAFETY: SQLite starts itself here where it has not yet, gives its default VFS or null, and keeps it for ever, as it may keep ours: it is leaked,
    // once in a process.
    unsafe {
        let default = ffi::sqlite3_vfs_find(std::ptr::null());
        if default.is_null() {
            return ffi::SQLITE_ERROR;
        }
        let mut vfs = *default;
        vfs.szOsFile = hook_offset(default) as c_int + size_of::<Hook>() as c_int;
        vfs.pNext = std::ptr::null_mut();
        vfs.zName = NAME.as_ptr();
        vfs.xOpen = Some(open);
        ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0)
    }
}

/// Where the hook begins: behind the default VFS's own part, aligned.
// SAFETY: to be asked of SQLite's default VFS only.
#[expect(unsafe_code, reason = "SQLite's interface")]
unsafe fn hook_offset(default: *mut ffi::sqlite3_vfs) -> usize {
    // SAFETY: the caller says it is SQLite's default VFS.
    let own = unsafe { (*default).szOsFile };
    own.unsigned_abs().next_multiple_of(align_of::<Hook>() as u32) as usize
}

#[expect(unsafe_code, reason = "SQLite's interface")]
unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: `file` has the room that `register` asked for, aligned to 8. The default VFS fills its part and sets `pMethods` to a table that
    // lives for ever; ours is a copy of it in the same allocation, so it lives as long as the file.
    unsafe {
        let default = ffi::sqlite3_vfs_find(std::ptr::null());
        let Some(original): Option<Open> = default.as_ref().and_then(|default| default.xOpen) else {
            return ffi::SQLITE_ERROR;
        };
        let code = original(vfs, name, file, flags, out_flags);
        if code != ffi::SQLITE_OK || flags & ffi::SQLITE_OPEN_MAIN_DB == 0 {
            return code;
        }
        let Some(methods) = (*file).pMethods.as_ref() else { return code };
        let (Some(read), Some(write)) = (methods.xRead, methods.xWrite) else { return code };
        let mut methods = *methods;
        methods.xRead = Some(read_page);
        methods.xWrite = Some(write_page);
        methods.iVersion = methods.iVersion.min(2); // version 3 maps the file into memory: that would pass us by
        let hook = file.byte_add(hook_offset(default)).cast::<Hook>();
        hook.write(Hook { methods, read, write });
        (*file).pMethods = (&raw const (*hook).methods).cast();
        code
    }
}

#[expect(unsafe_code, reason = "SQLite's interface")]
unsafe extern "C" fn read_page(file: *mut ffi::sqlite3_file, buffer: *mut c_void, amount: c_int, offset: i64) -> c_int {
    // SAFETY: `open` made `pMethods` point at a hook; SQLite gives `amount` bytes of its own, which were filled.
    let (file, code, bytes) = unsafe {
        let pages = PageFile { file, hook: &*(*file).pMethods.cast::<Hook>() };
        let code = (pages.hook.read)(file, buffer, amount, offset);
        (pages, code, std::slice::from_raw_parts_mut(buffer.cast::<u8>(), amount.unsigned_abs() as usize))
    };
    let Some(number) = page_number(amount, offset) else { return code };
    match code {
        ffi::SQLITE_OK => {}
        // SQLite takes what is not there for zeros, which is right only where all of a page is behind the end.
        ffi::SQLITE_IOERR_SHORT_READ if file.size() > offset => return ffi::SQLITE_IOERR_DATA,
        code => return code,
    }
    match verify(number, bytes) {
        Signature::Right => ffi::SQLITE_OK,
        Signature::Missing if number == 1 || file.is_unsigned(1, bytes.len()) => ffi::SQLITE_OK,
        Signature::Missing | Signature::Wrong => ffi::SQLITE_IOERR_DATA,
    }
}

#[expect(unsafe_code, reason = "SQLite's interface")]
unsafe extern "C" fn write_page(
    file: *mut ffi::sqlite3_file,
    buffer: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    // SAFETY: as in `read_page`; what SQLite gives to be written is copied, not changed.
    let (file, bytes) = unsafe {
        let pages = PageFile { file, hook: &*(*file).pMethods.cast::<Hook>() };
        (pages, std::slice::from_raw_parts(buffer.cast::<u8>(), amount.unsigned_abs() as usize))
    };
    let Some(number) = page_number(amount, offset) else { return file.write(bytes, offset) };
    if number == 1 && file.is_unsigned(1, bytes.len()) {
        let code = file.sign_others(bytes.len());
        if code != ffi::SQLITE_OK {
            return code;
        }
    }
    let mut page = bytes.to_vec();
    sign(number, &mut page);
    file.write(&page, offset)
}

/// An open file of ours below its pages' checksums.
struct PageFile<'f> {
    file: *mut ffi::sqlite3_file,
    hook: &'f Hook,
}

#[expect(unsafe_code, reason = "SQLite's interface")]
impl PageFile<'_> {
    fn read(&self, bytes: &mut [u8], offset: i64) -> c_int {
        // SAFETY: the file is open, and the buffer as long as it is said to be; no page is longer than 64 KiB.
        unsafe { (self.hook.read)(self.file, bytes.as_mut_ptr().cast(), bytes.len() as c_int, offset) }
    }

    fn write(&self, bytes: &[u8], offset: i64) -> c_int {
        // SAFETY: as in `read`.
        unsafe { (self.hook.write)(self.file, bytes.as_ptr().cast(), bytes.len() as c_int, offset) }
    }

    /// In bytes; 0 where it is not known.
    fn size(&self) -> i64 {
        let mut size = 0;
        // SAFETY: the file is open, and the size is written to where it is asked to be.
        let code = self.hook.methods.xFileSize.map(|size_of| unsafe { size_of(self.file, &raw mut size) });
        if code == Some(ffi::SQLITE_OK) { size } else { 0 }
    }

    fn sync(&self) -> c_int {
        // SAFETY: the file is open.
        self.hook.methods.xSync.map_or(ffi::SQLITE_OK, |sync| unsafe { sync(self.file, ffi::SQLITE_SYNC_NORMAL) })
    }

    /// Whether the file has that page, without a signature.
    fn is_unsigned(&self, number: u32, page_bytes: usize) -> bool {
        let mut sum = [1; RESERVED_BYTES];
        let end = i64::from(number) * page_bytes as i64;
        self.read(&mut sum, end - RESERVED_BYTES as i64) == ffi::SQLITE_OK && sum == UNSIGNED
    }

    /// Signs what another program has written, all but page 1: that comes last, so that nothing is believed to be signed that is not. Asked while
    /// page 1 is written, when SQLite keeps everybody else from writing the file.
    fn sign_others(&self, page_bytes: usize) -> c_int {
        let mut page = vec![0; page_bytes];
        for number in 2.. {
            let offset = i64::from(number - 1) * page_bytes as i64;
            match self.read(&mut page, offset) {
                ffi::SQLITE_OK => {}
                ffi::SQLITE_IOERR_SHORT_READ => break,
                code => return code,
            }
            if verify(number, &mut page) == Signature::Missing {
                sign(number, &mut page);
                let code = self.write(&page, offset);
                if code != ffi::SQLITE_OK {
                    return code;
                }
            }
        }
        self.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_known_by_its_content_and_number() {
        let mut page = vec![7u8; 512];
        sign(3, &mut page);
        let signed = page.clone();
        assert!(verify(3, &mut page) == Signature::Right && page[508..] == UNSIGNED);
        assert_eq!(verify(4, &mut signed.clone()), Signature::Wrong, "another page's");
        for bit in 0..512 * 8 {
            let mut flipped = signed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(3, &mut flipped), Signature::Wrong, "bit {bit}");
        }
        assert_eq!(verify(3, &mut page), Signature::Missing);
    }

    #[test]
    fn the_first_page_of_a_copy_and_that_of_an_old_file_are_right() {
        let page: Vec<u8> = (0..512).map(|i| i as u8).collect();
        let mut copy = page.clone();
        sign(1, &mut copy);
        for counter in COUNTERS {
            copy[counter].fill(0xa5);
        }
        assert_eq!(verify(1, &mut copy.clone()), Signature::Right);
        copy[28] ^= 1; // the number of pages is none of the counters
        assert_eq!(verify(1, &mut copy), Signature::Wrong);
        let mut old = page;
        let sum = crc32c::crc32c_append(crc32c::crc32c(&1u32.to_le_bytes()), &old[..508]);
        old[508..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(verify(1, &mut old), Signature::Right);
    }

    #[test]
    fn only_whole_pages_are_looked_at() {
        assert_eq!(page_number(100, 0), None);
        assert_eq!(page_number(16, 24), None);
        assert_eq!(page_number(2048, 4096), Some(3));
        assert_eq!(page_number(2048, 100), None);
    }
}
