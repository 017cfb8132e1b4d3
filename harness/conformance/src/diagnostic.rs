//! What is wrong in a scenario file, where, and what to do about it.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::scenario::Place;

/// One mistake of a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of mistake; stable over versions.
    pub code: Code,
    /// Where it begins.
    pub place: Place,
    /// How many characters of that line are wrong, at least 1.
    pub length: u32,
    /// What is wrong, in lower case.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Set when the mistake stands in a file that the scenario uses; [`Self::place`] is one in there.
    pub excerpt: Option<Excerpt>,
}

/// A line of a file other than the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file, as messages name it: from where the scenario's own path counts.
    pub file: String,
    /// The line with the mistake.
    pub line: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Kinds of mistakes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable identifier, such as `unknown-field`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// The file is over 1 MiB.
    FileTooLarge = "file-too-large",
    /// A control character, or a carriage return without a line feed.
    ControlCharacter = "control-character",
    /// The text is not YAML.
    YamlSyntax = "yaml-syntax",
    /// Lists and mappings are nested too deeply.
    YamlDepth = "yaml-depth",
    /// Too many values in one file.
    YamlNodes = "yaml-nodes",
    /// An anchor or an alias.
    YamlAlias = "yaml-alias",
    /// A tag.
    YamlTag = "yaml-tag",
    /// No document, or more than one.
    YamlDocuments = "yaml-documents",
    /// A key that is a list or a mapping.
    YamlKey = "yaml-key",
    /// A key that stands twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// A key that has no meaning there.
    UnknownField = "unknown-field",
    /// A key that must be there.
    MissingField = "missing-field",
    /// Two keys that exclude each other.
    ConflictingFields = "conflicting-fields",
    /// A list instead of a text, and the like.
    WrongType = "wrong-type",
    /// A word that is none of the known ones.
    UnknownWord = "unknown-word",
    /// A word that stands twice in a list of different ones.
    RepeatedWord = "repeated-word",
    /// A list or a text that must hold something.
    Empty = "empty",
    /// A number outside its range.
    NumberRange = "number-range",
    /// A requirement id of the wrong shape.
    BadCover = "bad-cover",
    /// A name of the wrong shape.
    BadName = "bad-name",
    /// A name that is taken.
    DuplicateName = "duplicate-name",
    /// A name that the device does not have.
    UnknownName = "unknown-name",
    /// A UUID of the wrong length or shape.
    BadUuid = "bad-uuid",
    /// A handle that is taken or comes too late.
    BadHandle = "bad-handle",
    /// Bytes that are not pairs of hex digits.
    BadHex = "bad-hex",
    /// A value with no bytes: of the wrong type, negative, or above 2^32-1.
    BadValue = "bad-value",
    /// A value longer than it may be.
    ValueTooLong = "value-too-long",
    /// A value shorter than its fixed length.
    ValueTooShort = "value-too-short",
    /// A length of time of the wrong shape.
    BadDuration = "bad-duration",
    /// A placeholder that a log line does not have.
    UnknownPlaceholder = "unknown-placeholder",
    /// A step that does not exist.
    UnknownStep = "unknown-step",
    /// A step that is not one word or one key.
    StepShape = "step-shape",
    /// A step that needs a connection where there is none.
    NotConnected = "not-connected",
    /// A connection where there is one already.
    AlreadyConnected = "already-connected",
    /// A subscription that the characteristic's properties do not allow.
    NoProperty = "no-property",
    /// A notification or indication without a subscription.
    NoSubscription = "no-subscription",
    /// `$name` where no value has that name.
    UnknownReference = "unknown-reference",
    /// A loop that goes on for too long, or too deeply.
    LoopTooLarge = "loop-too-large",
    /// A report that no trace can hold.
    BadReport = "bad-report",
    /// A Bluetooth address of the wrong shape.
    BadAddress = "bad-address",
    /// A device table in another file that cannot be used.
    DeviceFile = "device-file",
    /// A table or a step that does not fit one frame of the control link.
    TooLargeForLink = "too-large-for-link",
    /// Encryption or a signature without the bond that it needs.
    NoBond = "no-bond",
    /// An expectation that no device can meet.
    Impossible = "impossible",
    /// There are more mistakes than are shown.
    TooMany = "too-many",
}

impl Diagnostic {
    /// The message with file, line, column, the line itself and the hint, as several lines of text.
    /// `text` is the file's content; `colour` asks for ANSI styles.
    #[must_use]
    pub fn render(&self, file: &str, text: &str, colour: bool) -> String {
        let line_number = usize::try_from(self.place.line).unwrap_or(usize::MAX).max(1);
        let (file, line) = match &self.excerpt {
            Some(Excerpt { file, line }) => (file.as_str(), line.as_str()),
            None => (file, text.lines().nth(line_number - 1).unwrap_or("")),
        };
        let excerpt = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        let start = byte_offset(excerpt, self.place.column.saturating_sub(1));
        let end = byte_offset(excerpt, self.place.column.saturating_sub(1).saturating_add(self.length));
        let group = Level::ERROR
            .primary_title(&self.message)
            .id(self.code.as_str())
            .element(
                Snippet::source(excerpt)
                    .path(file)
                    .line_start(line_number)
                    .annotation(AnnotationKind::Primary.span(start..end.max(start))),
            )
            .element(Level::HELP.message(&self.hint));
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut rendered = renderer.render(&[group]);
        rendered.push('\n');
        rendered
    }
}

/// Byte offset of a column counted in characters from 0, at most the line's length.
fn byte_offset(line: &str, column: u32) -> usize {
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset)
}
