//! The body of an answer: read and unpacked, never more of it than the limit.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::connection::cut;
use super::{Limits, NetError};

/// Largest window of zstd, as a power of two: what RFC 9659 lets HTTP use, 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;
/// What is allocated ahead for a body whose length is told.
const AHEAD_MAX: u64 = 1 << 20;

/// The body as it comes over the wire.
pub(super) async fn read(mut body: Incoming, url: &str, limit: u64) -> Result<Vec<u8>, NetError> {
    let too_large = || NetError::TooLarge { url: url.to_owned(), limit, unpacked: false };
    let told = body.size_hint().exact().unwrap_or(0);
    if told > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(told.min(AHEAD_MAX)).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| cut(url, &e))?;
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len() as u64 + piece.len() as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Unpacks by the encodings that `Content-Encoding` names, the last one first.
pub(super) fn unpack(mut bytes: Vec<u8>, encodings: &str, url: &str, limits: &Limits) -> Result<Vec<u8>, NetError> {
    let failed = |why: String| NetError::Packing { url: url.to_owned(), why };
    let names: Vec<String> = encodings.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    let packings: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !matches!(*name, "" | "identity")).collect();
    if packings.len() > 2 {
        return Err(failed(format!("it is packed {} times over", packings.len())));
    }
    for packing in packings.into_iter().rev() {
        if bytes.is_empty() {
            break; // nothing is nothing, however it is packed
        }
        let mut out = Vec::new();
        let too_large = NetError::TooLarge { url: url.to_owned(), limit: limits.unpacked, unpacked: true };
        let more = limits.unpacked.saturating_add(1);
        let read = match packing {
            "gzip" | "x-gzip" => MultiGzDecoder::new(bytes.as_slice()).take(more).read_to_end(&mut out),
            "zstd" => zstd::stream::read::Decoder::with_buffer(bytes.as_slice()).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                decoder.take(more).read_to_end(&mut out)
            }),
            other => return Err(failed(format!("`{}` is not known", other.escape_debug()))),
        };
        read.map_err(|e| failed(e.to_string()))?;
        if out.len() as u64 > limits.unpacked {
            return Err(too_large);
        }
        bytes = out;
    }
    if bytes.len() as u64 > limits.unpacked {
        return Err(NetError::TooLarge { url: url.to_owned(), limit: limits.unpacked, unpacked: false });
    }
    Ok(bytes)
}
