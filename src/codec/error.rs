/// Why bytes were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end too early.
    #[error("chunk ends after {bytes} bytes")]
    Cut {
        /// How many there are.
        bytes: usize,
    },
    /// The checksum does not match.
    #[error("chunk checksum is {found:08x}, computed {computed:08x}")]
    Checksum {
        /// Stored.
        found: u32,
        /// Computed.
        computed: u32,
    },
    /// A newer format.
    #[error("chunk format {found} is newer than {known}: upgrade nodebook")]
    Version {
        /// Stored.
        found: u8,
        /// Newest known.
        known: u8,
    },
    /// Inconsistent inside.
    #[error("chunk is damaged: {what}")]
    Damaged {
        /// What does not fit.
        what: String,
    },
}

impl CodecError {
    pub(super) fn damaged(what: impl Into<String>) -> Self {
        CodecError::Damaged { what: what.into() }
    }
}
