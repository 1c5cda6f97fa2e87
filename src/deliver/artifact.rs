/// Something made, to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// File name without directories.
    pub name: String,
    /// Media type.
    pub media_type: &'static str,
    /// Content.
    pub bytes: Vec<u8>,
}
