use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

/// Window that packed data may ask for, as a power of two: 8 MiB, what every reader has to take of zstd over HTTP.
/// Source: RFC 9659.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip.
    Gzip,
    /// zlib, which HTTP calls deflate.
    Deflate,
    /// zstd.
    Zstd,
}

impl Packing {
    /// What the header `Content-Encoding` names; `None` where it is none of these.
    pub fn named(name: &str) -> Option<Packing> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Packing::Plain),
            "gzip" | "x-gzip" => Some(Packing::Gzip),
            "deflate" => Some(Packing::Deflate),
            "zstd" => Some(Packing::Zstd),
            _ => None,
        }
    }
}

/// Why a body was not unpacked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// It is larger than it may be.
    #[error("the request unpacks to more than {limit} bytes: send smaller batches")]
    TooLarge {
        /// The most that is taken.
        limit: usize,
    },
    /// It is not what it is said to be.
    #[error("the request cannot be unpacked: {0}")]
    Damaged(String),
}

/// What a body holds, where that is no more than `limit` bytes.
pub fn unpack(body: Vec<u8>, packing: Packing, limit: usize) -> Result<Vec<u8>, UnpackError> {
    let damaged = |error: std::io::Error| UnpackError::Damaged(error.to_string());
    let all = match packing {
        Packing::Plain => body,
        Packing::Gzip => take(MultiGzDecoder::new(body.as_slice()), limit)?,
        Packing::Deflate => take(ZlibDecoder::new(body.as_slice()), limit)?,
        Packing::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(body.as_slice()).map_err(damaged)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(damaged)?;
            take(decoder, limit)?
        }
    };
    if all.len() > limit { Err(UnpackError::TooLarge { limit }) } else { Ok(all) }
}

/// Everything, or one byte more than the limit.
fn take(packed: impl Read, limit: usize) -> Result<Vec<u8>, UnpackError> {
    let mut all = Vec::new();
    let read = packed.take(limit as u64 + 1).read_to_end(&mut all);
    read.map_err(|error| UnpackError::Damaged(error.to_string()))?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_and_plain_bodies_are_the_same() {
        let body = b"load1 5\n".to_vec();
        assert_eq!(unpack(gzip(&body), Packing::Gzip, 100).unwrap(), body);
        assert_eq!(unpack(zstd::encode_all(body.as_slice(), 1).unwrap(), Packing::Zstd, 100).unwrap(), body);
        assert_eq!(unpack(body.clone(), Packing::Plain, 8).unwrap(), body);
        assert_eq!(unpack(body, Packing::Plain, 7), Err(UnpackError::TooLarge { limit: 7 }));
    }

    #[test]
    fn bombs_and_nonsense_are_refused() {
        let bomb = vec![0; 50_000_000];
        let packed = gzip(&bomb);
        assert!(packed.len() < 60_000);
        assert_eq!(unpack(packed, Packing::Gzip, 1 << 20), Err(UnpackError::TooLarge { limit: 1 << 20 }));
        let packed = zstd::encode_all(bomb.as_slice(), 1).unwrap();
        assert_eq!(unpack(packed, Packing::Zstd, 1 << 20), Err(UnpackError::TooLarge { limit: 1 << 20 }));
        assert!(matches!(unpack(b"plain".to_vec(), Packing::Gzip, 100), Err(UnpackError::Damaged(_))));
        assert!(matches!(unpack(gzip(b"cut")[..15].to_vec(), Packing::Gzip, 100), Err(UnpackError::Damaged(_))));
    }
}
