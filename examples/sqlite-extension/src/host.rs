//! The program that loads us, and how old its SQLite may be.
//!
//! rusqlite refuses a host older than its bindings (3.45.3), and aborts it while it says so; Debian 12 has 3.40.1, which has all that is needed. So an
//! old host is looked at here, before rusqlite sees it: too old is an error text; otherwise its functions are copied as far as that SQLite had them,
//! the others left out, and it is made to say the version that rusqlite wants.

use std::ffi::{c_char, c_int};
use std::mem::offset_of;

use rusqlite::ffi::{self, sqlite3_api_routines};

/// The oldest host: as far as Debian 12, and it has `sqlite3_vtab_in` (3.38), which tables here are built upon.
const OLDEST: c_int = 3_040_000;
/// Bytes of the table of functions that 3.40 has: up to the first function of 3.41.
const BYTES_OF_OLDEST: usize = offset_of!(sqlite3_api_routines, is_interrupted);

/// The host's functions as rusqlite takes them, or why they are too few.
///
/// # Safety
/// `given` is the table that SQLite gave, as long as its version has it.
pub unsafe fn functions_for(given: &sqlite3_api_routines) -> Result<*mut sqlite3_api_routines, String> {
    let Some(number_of) = given.libversion_number else {
        return Err("this SQLite does not say its version".to_owned());
    };
    // SAFETY: SQLite's own function, without arguments.
    let version = unsafe { number_of() };
    if version < OLDEST {
        return Err(format!(
            "nodebook needs SQLite {} or newer, this is {}: use `nodebook sql`",
            shown(OLDEST),
            shown(version)
        ));
    }
    if version >= ffi::SQLITE_VERSION_NUMBER {
        return Ok(std::ptr::from_ref(given).cast_mut());
    }
    // SAFETY: a table of pointers to functions, which may all be null; what is copied is there in 3.40, and 3.40 is the oldest. It is leaked: once in a
    // process, as the library stays loaded.
    unsafe {
        let table = Box::leak(Box::new(std::mem::zeroed::<sqlite3_api_routines>()));
        let (from, to) = (std::ptr::from_ref(given).cast::<u8>(), std::ptr::from_mut(table).cast::<u8>());
        std::ptr::copy_nonoverlapping(from, to, BYTES_OF_OLDEST);
        table.libversion_number = Some(wanted);
        Ok(table)
    }
}

unsafe extern "C" fn wanted() -> c_int {
    ffi::SQLITE_VERSION_NUMBER
}

fn shown(version: c_int) -> String {
    format!("{}.{}.{}", version / 1_000_000, version / 1_000 % 1_000, version % 1_000)
}

/// Leaves an error text where SQLite looks for it, in memory of its own.
///
/// # Safety
/// As [`functions_for`]; `error` is null or a place for the text.
pub unsafe fn tell(functions: &sqlite3_api_routines, error: *mut *mut c_char, message: &str) -> c_int {
    if let Some(allocate) = functions.malloc
        && !error.is_null()
    {
        // SAFETY: as many bytes as are written, or null.
        unsafe {
            let text = allocate(message.len() as c_int + 1).cast::<u8>();
            if !text.is_null() {
                std::ptr::copy_nonoverlapping(message.as_ptr(), text, message.len());
                text.add(message.len()).write(0);
                *error = text.cast();
            }
        }
    }
    ffi::SQLITE_ERROR
}
