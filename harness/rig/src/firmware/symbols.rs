//! What addresses in a board's console text mean: functions and lines, from the ELF file of its firmware.

use crate::fault::Fault;
use addr2line::Loader;
use addr2line::fallible_iterator::FallibleIterator as _;
use gimli::{
    BaseAddresses, CfaRule, EhFrame, LittleEndian, Register, RegisterRule, UnwindContext, UnwindSection as _,
};
use object::{Object as _, ObjectSection as _};
use std::fmt::Write as _;
use std::path::Path;

/// What a panic's stack begins with in the text: the address where it was taken, then its bytes, lowest first.
const STACK_DUMP: &str = "STACKDUMP: ";
/// Where code runs from on these chips: the ROM, the RAM that code is copied to, and mapped flash. Xtensa's and
/// RISC-V's lie in the same range.
const CODE: std::ops::Range<u32> = 0x4000_0000..0x4400_0000;
/// Deeper calls are not followed.
const FRAMES_MAX: usize = 64;
/// RISC-V's return address and stack pointer (its ABI's DWARF numbers).
const RA: Register = Register(1);
const SP: Register = Register(2);

/// The symbols of one firmware.
pub struct Symbols {
    loader: Loader,
    /// Call frame information, and where it is said to lie.
    frames: Vec<u8>,
    frames_address: u64,
}

impl Symbols {
    /// Reads the ELF file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is none, or does not say how calls return.
    pub fn load(path: &Path) -> Result<Self, Fault> {
        let wrong = |why: String| {
            Fault::new(format!("{}: {why}", path.display()), "build it with `gattest firmware`")
        };
        let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let file = object::File::parse(&*bytes).map_err(|error| wrong(error.to_string()))?;
        let section = file.section_by_name(".eh_frame");
        let frames = section.as_ref().and_then(|section| section.data().ok()).unwrap_or_default().to_vec();
        if frames.is_empty() {
            return Err(wrong("there is no call frame information in it".to_owned()));
        }
        let frames_address = section.map_or(0, |section| section.address());
        let loader = Loader::new(path).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { loader, frames, frames_address })
    }

    /// The text with the functions and lines of the addresses in it, below the lines that they stand in. A stack is
    /// replaced by the calls that it holds.
    #[must_use]
    pub fn explain(&self, console: &str) -> String {
        let mut explained = String::with_capacity(console.len());
        for line in console.split_inclusive('\n') {
            match line.split_once(STACK_DUMP).and_then(|(_, dump)| stack_dump(dump)) {
                Some((pc, stack)) => {
                    explained += "calls, the innermost first:\n";
                    for call in self.calls(pc, &stack) {
                        self.describe(call, &mut explained);
                    }
                }
                None => {
                    explained += line;
                    let addresses = addresses(line);
                    if !addresses.is_empty() && !line.ends_with('\n') {
                        explained.push('\n');
                    }
                    for address in addresses {
                        self.describe(address, &mut explained);
                    }
                }
            }
        }
        explained
    }

    /// Appends a line for each function that the address is in, those that were inlined first.
    fn describe(&self, address: u32, text: &mut String) {
        let probe = u64::from(address);
        let found = self.loader.find_frames(probe).and_then(|frames| {
            let mut frames = frames.map(|frame| {
                let name = frame.function.and_then(|name| name.demangle().ok().map(|name| name.into_owned()));
                Ok((name, frame.location.and_then(|at| Some((at.file?.to_owned(), at.line?)))))
            });
            let mut lines = Vec::new();
            while let Some(line) = frames.next()? {
                lines.push(line);
            }
            Ok(lines)
        });
        let mut known = false;
        for (name, at) in found.unwrap_or_default() {
            let Some(name) = name else { continue };
            let at = at.map_or_else(String::new, |(file, line)| format!(" ({file}:{line})"));
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "    0x{address:08x} {name}{at}");
            known = true;
        }
        if !known && let Some(name) = self.loader.find_symbol(probe) {
            let _ = writeln!(text, "    0x{address:08x} {name}");
        }
    }

    /// The addresses of the calls that a stack holds. `pc` is the return address of the innermost.
    fn calls(&self, pc: u32, stack: &[u8]) -> Vec<u32> {
        calls(&self.frames, self.frames_address, pc, stack)
    }
}

fn calls(frames: &[u8], frames_address: u64, mut pc: u32, stack: &[u8]) -> Vec<u32> {
    let mut frames = EhFrame::new(frames, LittleEndian);
    // Bytes: these chips' own, not this machine's.
    frames.set_address_size(4);
    let bases = BaseAddresses::default().set_eh_frame(frames_address);
    let mut context = UnwindContext::new();
    let mut calls = Vec::new();
    // Where the stack pointer was, counted from the first byte that is known.
    let mut sp: i64 = 0;
    while calls.len() < FRAMES_MAX && CODE.contains(&pc) {
        // The call stands before the address that it returns to.
        let call = pc.saturating_sub(2);
        calls.push(call);
        let get_cie = EhFrame::cie_from_offset;
        let Ok(row) = frames.unwind_info_for_address(&bases, &mut context, u64::from(call), get_cie) else {
            break;
        };
        let CfaRule::RegisterAndOffset { register: SP, offset } = *row.cfa() else { break };
        let cfa = sp.saturating_add(offset);
        let Some(RegisterRule::Offset(offset)) = row.register(RA) else { break };
        let Some(return_address) = word(stack, cfa.saturating_add(offset)) else { break };
        (sp, pc) = (cfa, return_address);
    }
    calls
}

fn word(stack: &[u8], at: i64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    let bytes = stack.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// `4200abcd 0011...`
fn stack_dump(text: &str) -> Option<(u32, Vec<u8>)> {
    let (pc, bytes) = text.trim().split_once(' ')?;
    let pc = u32::from_str_radix(pc, 16).ok()?;
    let digits: Vec<u8> =
        bytes.chars().map_while(|c| c.to_digit(16).and_then(|it| u8::try_from(it).ok())).collect();
    let (pairs, _) = digits.as_chunks::<2>();
    Some((pc, pairs.iter().map(|[high, low]| high << 4 | low).collect()))
}

/// Every number of a line that may be the address of code, with `0x` or without, as it stands there.
fn addresses(line: &str) -> Vec<u32> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric());
    let numbers = words.filter_map(|word| {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        (digits.len() == 8).then(|| u32::from_str_radix(digits, 16).ok())?
    });
    numbers.filter(|number| CODE.contains(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gimli::write::{
        Address, CallFrameInstruction, CommonInformationEntry, EhFrame as Written, EndianVec,
    };
    use gimli::write::{FrameDescriptionEntry, FrameTable};
    use gimli::{Encoding, Format};

    /// Functions of 0x100 bytes, each with so many bytes on the stack and the return address in the last four.
    fn frames(functions: &[(u32, i32)]) -> Vec<u8> {
        let mut table = FrameTable::default();
        let encoding = Encoding { format: Format::Dwarf32, version: 1, address_size: 4 };
        let mut cie = CommonInformationEntry::new(encoding, 1, -4, RA);
        cie.add_instruction(CallFrameInstruction::Cfa(SP, 0));
        let cie = table.add_cie(cie);
        for (start, size) in functions {
            let mut fde = FrameDescriptionEntry::new(Address::Constant(u64::from(*start)), 0x100);
            fde.add_instruction(2, CallFrameInstruction::CfaOffset(*size));
            fde.add_instruction(4, CallFrameInstruction::Offset(RA, -4));
            table.add_fde(cie, fde);
        }
        let mut written = Written::from(EndianVec::new(LittleEndian));
        table.write_eh_frame(&mut written).unwrap();
        written.slice().to_vec()
    }

    #[test]
    fn a_stack_gives_its_calls_and_ends_where_nothing_is_known() {
        let frames = frames(&[(0x4200_0000, 8), (0x4200_0100, 16)]);
        let mut stack = vec![0xAA; 24];
        stack[4..8].copy_from_slice(&0x4200_0150_u32.to_le_bytes());
        stack[20..24].copy_from_slice(&0x4200_0950_u32.to_le_bytes());
        assert_eq!(calls(&frames, 0, 0x4200_0010, &stack), [0x4200_000E, 0x4200_014E, 0x4200_094E]);
        assert_eq!(calls(&frames, 0, 0x4200_0010, &stack[..6]), [0x4200_000E]);
        assert!(calls(&frames, 0, 0, &stack).is_empty());
    }

    #[test]
    fn a_function_that_calls_itself_for_ever_is_not_followed_for_ever() {
        let frames = frames(&[(0x4200_0000, 4)]);
        let stack = 0x4200_0010_u32.to_le_bytes().repeat(1000);
        assert_eq!(calls(&frames, 0, 0x4200_0010, &stack).len(), FRAMES_MAX);
    }

    #[test]
    fn the_dump_and_the_addresses_are_read_from_the_text() {
        assert_eq!(stack_dump("4200abcd 00ff7"), Some((0x4200_ABCD, vec![0x00, 0xFF])));
        assert_eq!(stack_dump("nothing"), None);
        assert_eq!(
            addresses("MEPC: 0x42001234, RA 4038abcd 0x3fc80000 12345678"),
            [0x4200_1234, 0x4038_ABCD]
        );
    }

    /// This test's own file has what a firmware's has, for addresses that are no chip's.
    #[test]
    fn functions_and_lines_come_from_the_file() {
        let here = std::env::current_exe().unwrap();
        let symbols = Symbols::load(&here).unwrap();
        let bytes = std::fs::read(&here).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let named = |name: &str| {
            file.symbol_map().symbols().iter().find(|it| it.name().contains(name)).map(|it| it.address())
        };
        let address = named("functions_and_lines_come_from_the_file").unwrap();
        let mut text = String::new();
        symbols.describe(u32::try_from(address).unwrap(), &mut text);
        assert!(
            text.contains("functions_and_lines_come_from_the_file") && text.contains("symbols.rs:"),
            "{text}"
        );
        assert_eq!(symbols.explain("no address\n"), "no address\n");
    }
}
