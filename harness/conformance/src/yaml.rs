//! YAML text to a tree of values that know where they stand, within limits.
//!
//! Anchors, aliases and tags are refused: with them a short file can stand for a very large one,
//! and no scenario needs them.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::diagnostic::Code;
use crate::parse::sink::{Mark, Sink};

/// Largest file in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of lists and mappings.
pub(crate) const MAX_DEPTH: usize = 32;
/// Most values, keys not counted.
pub(crate) const MAX_NODES: usize = 100_000;

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    pub(crate) mark: Mark,
    pub(crate) content: Content<'t>,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Content<'t> {
    /// A text, a number, a word.
    Scalar {
        text: Cow<'t, str>,
        /// Without quotes, so that it may be a number.
        plain: bool,
    },
    /// `- a`, `[a, b]`.
    List(Vec<Node<'t>>),
    /// `a: b`, `{a: b}`.
    Map(Vec<Entry<'t>>),
    /// Something that was reported already: readers pass over it.
    Broken,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'t> {
    pub(crate) key: Cow<'t, str>,
    pub(crate) key_mark: Mark,
    pub(crate) value: Node<'t>,
}

impl<'t> Node<'t> {
    /// The value of a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'t>> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub(crate) fn items(&self) -> &[Node<'t>] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }
}

/// The file's one document, or `None` with the reason reported.
pub(crate) fn load<'t>(text: &'t str, sink: &mut Sink) -> Option<Node<'t>> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, the limit is {MAX_BYTES}", text.len());
        sink.report(Code::FileTooLarge, Mark::START, message, "split it into several scenarios");
        return None;
    }
    if let Some((mark, character)) = control_character(text) {
        let message = format!("control character U+{:04X}", u32::from(character));
        let hint = "write it as an escape in double quotes, or value bytes as {hex: \"..\"}";
        sink.report(Code::ControlCharacter, mark, message, hint);
        return None;
    }
    let mut tree = Tree { frames: Vec::new(), root: None, nodes: 0, documents: 0 };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => tree.take(event, span, sink).ok()?,
            Err(error) => {
                let mark = mark_at(error.marker(), 1);
                let message = format!("this is not YAML: {}", error.info());
                let hint = "check indentation, quotes and brackets; only spaces indent";
                sink.report(Code::YamlSyntax, mark, message, hint);
                return None;
            }
        }
    }
    if tree.root.is_none() {
        sink.report(
            Code::YamlDocuments,
            Mark::START,
            "the file holds no scenario",
            "begin with `name:`, `covers:`, `device:` and `steps:`",
        );
    }
    tree.root
}

/// The first character that YAML 1.2 (5.1) keeps out of a file, or that counts lines differently in
/// different programs.
fn control_character(text: &str) -> Option<(Mark, char)> {
    // Most files have none: one pass over the bytes decides.
    let suspect = |byte: u8| (byte < 0x20 && byte != b'\t' && byte != b'\n') || byte == 0x7F;
    if !text.bytes().any(suspect) {
        return None;
    }
    for (line, content) in (1..).zip(text.split('\n')) {
        let content = content.strip_suffix('\r').unwrap_or(content);
        let is_control = |(_, character): &(u32, char)| character.is_ascii_control() && *character != '\t';
        if let Some((column, character)) = (1..).zip(content.chars()).find(is_control) {
            return Some((Mark::new(line, column, 1), character));
        }
    }
    None
}

/// A collection that is still open.
enum Frame<'t> {
    List { mark: Mark, items: Vec<Node<'t>> },
    Map { mark: Mark, entries: Vec<Entry<'t>>, key: Option<Key<'t>> },
}

/// A key that waits for its value; no text when it was reported already.
struct Key<'t> {
    mark: Mark,
    text: Option<Cow<'t, str>>,
}

/// A limit was passed and reported: reading ends.
struct Stop;

struct Tree<'t> {
    frames: Vec<Frame<'t>>,
    root: Option<Node<'t>>,
    nodes: usize,
    documents: usize,
}

impl<'t> Tree<'t> {
    fn take(&mut self, event: Event<'t>, span: Span, sink: &mut Sink) -> Result<(), Stop> {
        let mark = mark_of(span);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let hint = "write each scenario in a file of its own";
                    sink.report(Code::YamlDocuments, mark, "a second document begins here", hint);
                    return Err(Stop);
                }
                Ok(())
            }
            Event::Alias(_) => {
                report_alias(mark, sink);
                self.put(Node { mark, content: Content::Broken }, sink)
            }
            Event::Scalar(text, style, anchor, tag) => {
                check_plain(mark, anchor, tag.is_some(), sink);
                let plain = style == ScalarStyle::Plain;
                self.put(Node { mark, content: Content::Scalar { text, plain } }, sink)
            }
            Event::SequenceStart(anchor, tag) => {
                check_plain(mark, anchor, tag.is_some(), sink);
                self.open(Frame::List { mark, items: Vec::new() }, mark, sink)
            }
            Event::MappingStart(anchor, tag) => {
                check_plain(mark, anchor, tag.is_some(), sink);
                self.open(Frame::Map { mark, entries: Vec::new(), key: None }, mark, sink)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(sink),
        }
    }

    fn open(&mut self, frame: Frame<'t>, mark: Mark, sink: &mut Sink) -> Result<(), Stop> {
        if self.frames.len() >= MAX_DEPTH {
            let message = format!("lists and mappings are nested more than {MAX_DEPTH} deep");
            sink.report(Code::YamlDepth, mark, message, "no scenario needs more than 12");
            return Err(Stop);
        }
        self.frames.push(frame);
        Ok(())
    }

    fn close(&mut self, sink: &mut Sink) -> Result<(), Stop> {
        let node = match self.frames.pop() {
            Some(Frame::List { mark, items }) => Node { mark, content: Content::List(items) },
            Some(Frame::Map { mark, mut entries, .. }) => {
                drop_duplicates(&mut entries, sink);
                let mark = entries.first().filter(|_| mark.length == 0).map_or(mark, |first| first.key_mark);
                Node { mark, content: Content::Map(entries) }
            }
            None => return Ok(()),
        };
        self.put(node, sink)
    }

    /// Puts a whole value where it belongs.
    fn put(&mut self, node: Node<'t>, sink: &mut Sink) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("the file holds more than {MAX_NODES} values");
            sink.report(Code::YamlNodes, node.mark, message, "split it into several scenarios");
            return Err(Stop);
        }
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, .. }) => match key.take() {
                None => *key = Some(as_key(node, sink)),
                Some(Key { mark, text: Some(text) }) => {
                    entries.push(Entry { key: text, key_mark: mark, value: placed(node, mark) });
                }
                Some(Key { text: None, .. }) => {}
            },
        }
        Ok(())
    }
}

fn report_alias(mark: Mark, sink: &mut Sink) {
    sink.report(Code::YamlAlias, mark, "anchors and aliases are not used here", "write the value out");
}

fn check_plain(mark: Mark, anchor: usize, has_tag: bool, sink: &mut Sink) {
    if anchor != 0 {
        report_alias(mark, sink);
    }
    if has_tag {
        let hint = "leave it out; quotes make a text, no quotes a number";
        sink.report(Code::YamlTag, mark, "tags are not used here", hint);
    }
}

fn as_key<'t>(node: Node<'t>, sink: &mut Sink) -> Key<'t> {
    let text = match node.content {
        Content::Scalar { text, .. } => Some(text),
        Content::Broken => None,
        Content::List(_) | Content::Map(_) => {
            let hint = "a key is one word; check the brackets";
            sink.report(Code::YamlKey, node.mark, "a list or a mapping cannot be a key", hint);
            None
        }
    };
    Key { mark: node.mark, text }
}

/// A value that is left out stands where its key stands: the parser places it at whatever follows.
fn placed<'t>(mut node: Node<'t>, key_mark: Mark) -> Node<'t> {
    if matches!(node.content, Content::Scalar { plain: true, .. }) && node.mark.length == 0 {
        node.mark = key_mark;
        node.content = Content::Scalar { text: Cow::Borrowed(""), plain: true };
    }
    node
}

/// Reports the second of two equal keys and drops it.
fn drop_duplicates(entries: &mut Vec<Entry<'_>>, sink: &mut Sink) {
    let mut order: Vec<(&str, usize)> =
        entries.iter().enumerate().map(|(index, entry)| (entry.key.as_ref(), index)).collect();
    order.sort_unstable();
    let pairs = order.iter().zip(order.iter().skip(1));
    let mut repeated: Vec<usize> =
        pairs.filter(|((one, _), (other, _))| one == other).map(|(_, (_, index))| *index).collect();
    if repeated.is_empty() {
        return;
    }
    repeated.sort_unstable();
    for entry in repeated.iter().filter_map(|index| entries.get(*index)) {
        let message = format!("`{}` stands twice", Sink::short(&entry.key));
        sink.report(Code::DuplicateKey, entry.key_mark, message, "keep one of them");
    }
    let mut index = 0;
    entries.retain(|_| {
        index += 1;
        repeated.binary_search(&(index - 1)).is_err()
    });
}

fn mark_of(span: Span) -> Mark {
    let length = if span.end.line() == span.start.line() {
        span.end.index().saturating_sub(span.start.index())
    } else if span.end.index() > span.start.index() {
        1
    } else {
        0
    };
    mark_at(&span.start, length)
}

fn mark_at(marker: &saphyr_parser::Marker, length: usize) -> Mark {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Mark::new(number(marker.line()), number(marker.col()).saturating_add(1), number(length))
}
