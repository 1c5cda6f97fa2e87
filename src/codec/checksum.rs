//! The head of a chunk: encoding, version, checksum, count.

use super::CodecError;
use super::varint::{self, Payload};

/// The format version of samples that this build writes and knows.
pub(super) const VERSION: u8 = 1;
const HEAD_BYTES: usize = 6;

/// Encoding, version, room for the checksum, count; the payload follows.
pub(super) fn begin(encoding: u8, count: usize) -> Vec<u8> {
    begin_version(encoding, VERSION, count)
}

/// The same for an encoding of a later version.
pub(super) fn begin_version(encoding: u8, version: u8, count: usize) -> Vec<u8> {
    let mut out = vec![encoding, version, 0, 0, 0, 0];
    varint::write(&mut out, count as u64);
    out
}

/// Fills in the checksum of a finished chunk.
pub(super) fn finish(identity: u64, mut chunk: Vec<u8>) -> Vec<u8> {
    let sum = checksum(identity, &chunk).to_le_bytes();
    chunk[2..HEAD_BYTES].copy_from_slice(&sum);
    chunk
}

fn checksum(identity: u64, chunk: &[u8]) -> u32 {
    let sum = crc32c::crc32c(&identity.to_le_bytes());
    let sum = crc32c::crc32c_append(sum, &chunk[..2]);
    crc32c::crc32c_append(sum, &chunk[HEAD_BYTES..])
}

/// Checks the head and gives encoding, count and payload. A wrong checksum is told before a newer version: it keeps its place for ever.
pub(super) fn open(identity: u64, chunk: &[u8], count_max: usize) -> Result<(u8, usize, Payload<'_>), CodecError> {
    open_version(identity, chunk, count_max, VERSION)
}

/// The same where another version than that of samples is expected.
pub(super) fn open_version(
    identity: u64,
    chunk: &[u8],
    count_max: usize,
    known: u8,
) -> Result<(u8, usize, Payload<'_>), CodecError> {
    let Some([encoding, version, sum @ ..]) = chunk.first_chunk::<HEAD_BYTES>() else {
        return Err(CodecError::Cut { bytes: chunk.len() });
    };
    let (found, computed) = (u32::from_le_bytes(*sum), checksum(identity, chunk));
    if found != computed {
        return Err(CodecError::Checksum { found, computed });
    }
    match *version {
        found if found == known => {}
        0 => return Err(CodecError::damaged("format version 0 does not exist")),
        found if found < known => {
            return Err(CodecError::damaged(format!("format version {found} is not one of these")));
        }
        found => return Err(CodecError::Version { found, known }),
    }
    let mut payload = Payload(&chunk[HEAD_BYTES..]);
    let count = payload.bounded("count", count_max)?;
    Ok((*encoding, count, payload))
}
