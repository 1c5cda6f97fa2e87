//! A ZIP archive of one file (APPNOTE 6.3.3): for gateways that stop `.html`.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::{Artifact, DeliverError};

/// Method 8, deflate; names in UTF-8; needs version 2.0.
const DEFLATE: u16 = 8;
const UTF_8: u16 = 1 << 11;
const VERSION: u16 = 20;
/// 1 January 1980: the same file gives the same archive.
const DATE: u16 = 1 << 5 | 1;

/// The archive `NAME.zip` with the artifact in it.
pub fn zip(artifact: &Artifact) -> Result<Artifact, DeliverError> {
    let failed = |what: String| DeliverError::Message { what };
    let mut crc = flate2::Crc::new();
    crc.update(&artifact.bytes);
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&artifact.bytes).map_err(|e| failed(e.to_string()))?;
    let data = encoder.finish().map_err(|e| failed(e.to_string()))?;
    let size =
        |n: usize| u32::try_from(n).map_err(|_| failed(format!("{}: too large for a ZIP archive", artifact.name)));
    let (packed, plain) = (size(data.len())?, size(artifact.bytes.len())?);
    let name = artifact.name.as_bytes();
    let name_length = u16::try_from(name.len()).map_err(|_| failed("a name too long for a ZIP archive".to_owned()))?;

    let mut common = Vec::new(); // what the local and the central header share
    for field in [VERSION, UTF_8, DEFLATE, 0, DATE] {
        common.extend(field.to_le_bytes());
    }
    for field in [crc.sum(), packed, plain] {
        common.extend(field.to_le_bytes());
    }
    common.extend(name_length.to_le_bytes());
    common.extend([0; 2]); // no extra field

    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend(&common);
    bytes.extend(name);
    bytes.extend(&data);
    let central = size(bytes.len())?;
    bytes.extend(b"PK\x01\x02");
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(&common);
    bytes.extend([0; 14]); // no comment, disk 0, no attributes, offset 0
    bytes.extend(name);
    let central_size = size(bytes.len())? - central;
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0, 0, 0, 0, 1, 0, 1, 0]);
    bytes.extend(central_size.to_le_bytes());
    bytes.extend(central.to_le_bytes());
    bytes.extend([0; 2]);
    Ok(Artifact { name: format!("{}.zip", artifact.name), media_type: "application/zip", bytes })
}
