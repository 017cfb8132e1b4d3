//! Finds the board that was named, takes it, and learns who it is.

mod spec;

pub use spec::{BoardSpec, Mac};

use crate::fault::Fault;
use crate::firmware::Symbols;
use crate::link::{BoardLink, Identity};
use crate::lock::{LOCK_DEADLINE, Lock};
use crate::serial::{Port, SerialLine, ports};
#[cfg(target_os = "linux")]
use crate::virtual_board::VirtualBoard;
use air::Air;
use board::process::Recorder;
use spec::parse_mac;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A port that is ours, and what is known of the board at it.
#[derive(Debug)]
pub struct Attached {
    /// The port.
    pub path: PathBuf,
    /// Who answered, or why nobody did that this version understands.
    pub board: Result<Identity, Fault>,
    /// What it sent besides frames.
    pub console: String,
    /// The ELF file of the firmware that it runs, if that is known.
    pub(crate) elf: Option<PathBuf>,
    line: Option<SerialLine>,
    locks: Vec<Lock>,
    /// The board itself, where it is a virtual one of this process.
    #[cfg(target_os = "linux")]
    pub(crate) virtual_board: Option<VirtualBoard>,
}

/// Takes the port that `spec` means and asks who is at it. `waiting` is told of another run that has it.
///
/// # Errors
/// There is no such board, more than one for `auto`, or the port cannot be had. That nobody answers is none:
/// [`Attached::board`] says it.
pub fn attach(spec: &BoardSpec, waiting: &mut dyn FnMut(&str)) -> Result<Attached, Fault> {
    match spec {
        BoardSpec::Port(path) => Attached::take(path, waiting),
        BoardSpec::Auto => Attached::take(&only(ports()?)?.path, waiting),
        BoardSpec::Mac(mac) => with_mac(*mac, waiting),
        BoardSpec::Virtual => Err(Fault::new(
            "a virtual board is there during a run alone, and only beside Linux's own Bluetooth stack",
            "`gattest run --board virtual --central btleplug` starts one on Linux; `gattest board` is one with a port",
        )),
    }
}

/// Takes the virtual board, which runs for as long as the result lives.
///
/// # Errors
/// Its port cannot be had.
#[cfg(target_os = "linux")]
pub fn attach_virtual(board: VirtualBoard) -> Result<Attached, Fault> {
    let mut attached = Attached::take(board.port(), &mut |_| {})?;
    attached.virtual_board = Some(board);
    Ok(attached)
}

/// What is at a port that nobody named.
#[derive(Debug)]
pub enum Survey {
    /// Another run has it: who.
    Locked(String),
    /// It cannot be opened.
    Unusable(Fault),
    /// Nobody answers there that this version understands.
    Silent(Fault),
    /// A board.
    Board(Identity),
}

/// Looks at the port at `path` without waiting for whoever has it.
#[must_use]
pub fn survey(path: &Path) -> Survey {
    if let Some(who) = Lock::holder(&port_name(path)) {
        return Survey::Locked(who);
    }
    match Attached::take_if_free(path) {
        Err(fault) => Survey::Unusable(fault),
        Ok(Attached { board: Ok(board), .. }) => Survey::Board(board),
        Ok(Attached { board: Err(fault), .. }) => Survey::Silent(fault),
    }
}

fn only(found: Vec<Port>) -> Result<Port, Fault> {
    let listed: Vec<String> =
        found.iter().map(|port| format!("{} ({})", port.path.display(), port.bridge)).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(port), None) => Ok(port),
        (None, _) => {
            Err(Fault::new("no board is plugged in", "plug one in, or name its port with --board PORT"))
        }
        (Some(_), Some(_)) => Err(Fault::new(
            format!("{} boards are plugged in: {}", listed.len(), listed.join(", ")),
            "name one of these ports with --board PORT",
        )),
    }
}

/// The chip's own USB gives the MAC address away; boards behind other bridges are asked.
fn with_mac(mac: [u8; 6], waiting: &mut dyn FnMut(&str)) -> Result<Attached, Fault> {
    let ports = ports()?;
    let is_named = |port: &&Port| port.serial_number.as_deref().and_then(parse_mac) == Some(mac);
    if let Some(port) = ports.iter().find(is_named) {
        return Attached::take(&port.path, waiting);
    }
    let paths: Vec<PathBuf> = ports.into_iter().map(|port| port.path).collect();
    ask_for(mac, &paths, LOCK_DEADLINE, waiting)
}

/// Waits for the board's own lock, then asks at the ports that nobody uses, one after the other.
fn ask_for(
    mac: [u8; 6],
    paths: &[PathBuf],
    deadline: Duration,
    waiting: &mut dyn FnMut(&str),
) -> Result<Attached, Fault> {
    let lock = Lock::acquire(&mac_name(mac), deadline, waiting)?;
    let mut in_use = 0;
    for path in paths {
        match Attached::ask_if_free(path) {
            Ok(mut attached) if attached.board.as_ref().is_ok_and(|board| board.mac == mac) => {
                attached.locks.push(lock);
                return Ok(attached);
            }
            Ok(_) => {}
            Err(_) => in_use += 1,
        }
    }
    let (mac, all) = (Mac(mac), paths.len());
    Err(Fault::new(
        format!("no board with the address {mac} answers; {in_use} of {all} ports are in use"),
        "plug it in, or flash it by its port; `gattest boards` lists what answers",
    ))
}

impl Attached {
    fn take(path: &Path, waiting: &mut dyn FnMut(&str)) -> Result<Self, Fault> {
        can_be_port(path)?;
        let lock = Lock::acquire(&port_name(path), LOCK_DEADLINE, waiting)?;
        let mut attached = Self::ask(path, lock)?;
        attached.lock_mac(LOCK_DEADLINE, waiting)?;
        Ok(attached)
    }

    /// The same, without waiting for anybody.
    pub(crate) fn take_if_free(path: &Path) -> Result<Self, Fault> {
        let mut attached = Self::ask_if_free(path)?;
        attached.lock_mac(Duration::ZERO, &mut |_| {})?;
        Ok(attached)
    }

    /// Takes the port if nobody has it, and asks who is there.
    fn ask_if_free(path: &Path) -> Result<Self, Fault> {
        can_be_port(path)?;
        Self::ask(path, Lock::acquire(&port_name(path), Duration::ZERO, &mut |_| {})?)
    }

    fn ask(path: &Path, lock: Lock) -> Result<Self, Fault> {
        let line = SerialLine::open(path)?;
        let nobody = Err(Fault::new("the board was not asked", "report it"));
        let (path, console) = (path.to_owned(), String::new());
        let mut attached = Self {
            path,
            board: nobody,
            console,
            elf: None,
            line: Some(line),
            locks: vec![lock],
            #[cfg(target_os = "linux")]
            virtual_board: None,
        };
        attached.greet();
        Ok(attached)
    }

    /// Asks anew who is there.
    fn greet(&mut self) {
        let Some(line) = &mut self.line else { return };
        let link = BoardLink::new();
        let asked = {
            let mut reader = pin!(link.run(line));
            let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 1] = [reader.as_mut()];
            Air::real_time(0).run(link.greet(), &mut tasks)
        };
        self.board = asked.unwrap_or_else(|stalled| Err(Fault::new(stalled.to_string(), "report it")));
        self.console = link.console();
    }

    /// The board may be reached over two ports, so the port's lock is not enough.
    fn lock_mac(&mut self, deadline: Duration, waiting: &mut dyn FnMut(&str)) -> Result<(), Fault> {
        if let Ok(board) = &self.board
            && self.locks.len() < 2
        {
            let name = mac_name(board.mac);
            self.locks.push(Lock::acquire(&name, deadline, waiting)?);
        }
        Ok(())
    }

    /// Lets another use the port, as a flashing tool does, keeps the locks meanwhile, and asks who is there then.
    ///
    /// # Errors
    /// Those of `work`; and the port cannot be had again.
    pub fn lend<R>(
        &mut self,
        work: impl FnOnce(&Path) -> Result<R, Fault>,
        waiting: &mut dyn FnMut(&str),
    ) -> Result<R, Fault> {
        self.line = None;
        let worked = work(&self.path)?;
        self.line = Some(SerialLine::open(&self.path)?);
        self.greet();
        self.lock_mac(LOCK_DEADLINE, waiting)?;
        Ok(worked)
    }

    /// The open port. It is opened anew after a fault, and what has arrived meanwhile is dropped.
    ///
    /// # Errors
    /// It cannot be had again.
    pub(crate) fn line(&mut self) -> Result<&mut SerialLine, Fault> {
        if self.line.is_none() {
            self.line = Some(SerialLine::open(&self.path)?);
        }
        self.line.as_mut().ok_or_else(|| Fault::new("the port is closed", "report it"))
    }

    /// Console text with the functions of the addresses in it, where the firmware's ELF file is known.
    pub(crate) fn explain(&self, console: String) -> String {
        let symbols = self.elf.as_deref().filter(|_| !console.is_empty()).map(Symbols::load);
        match symbols {
            Some(Ok(symbols)) => symbols.explain(&console),
            _ => console,
        }
    }

    /// After a fault: what the port still holds must not reach the next scenario.
    pub(crate) fn close(&mut self) {
        self.line = None;
    }
}

/// A board for the whole of a run, and for several: each scenario has it for itself. Clones mean the same board.
#[derive(Debug, Clone)]
pub struct SharedBoard(Arc<Mutex<Attached>>);

impl SharedBoard {
    /// For runs on this board.
    #[must_use]
    pub fn new(attached: Attached) -> Self {
        Self(Arc::new(Mutex::new(attached)))
    }

    /// What the system calls the adapter that hears it, where it is a virtual board of this process.
    pub(crate) fn adapter(&self) -> Option<String> {
        #[cfg(target_os = "linux")]
        return self.lock().virtual_board.as_ref().map(|board| board.adapter().to_owned());
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// It is a virtual board of this process.
    pub(crate) fn is_virtual(&self) -> bool {
        self.adapter().is_some()
    }

    /// Records what such a board's radio carries.
    pub(crate) fn recorder(&self) -> Option<Recorder> {
        #[cfg(target_os = "linux")]
        return self.lock().virtual_board.as_ref().map(|board| board.recorder().clone());
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The board, for as long as the guard lives.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Attached> {
        // A panic while somebody had it leaves at worst an open port, which is opened anew after a fault.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for SharedBoard {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedBoard {}

/// What is no device needs no lock, and nobody to wait for: opening it says what it is.
fn can_be_port(path: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::FileTypeExt as _;
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.file_type().is_char_device() => Ok(()),
        _ => SerialLine::open(path).map(drop),
    }
}

/// The name of a port's lock. A name by id and a name by path of one port are one.
pub(crate) fn port_name(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let shown = real.display().to_string();
    format!("port{}", shown.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}

/// The name of a board's lock.
pub(crate) fn mac_name(mac: [u8; 6]) -> String {
    format!("board-{}", Mac(mac).to_string().replace(':', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_the_only_board_and_lists_several() {
        let port = |name: &str| Port { path: name.into(), bridge: "CP210x", serial_number: None };
        assert_eq!(only(vec![port("/dev/a")]).unwrap().path, Path::new("/dev/a"));
        let several = only(vec![port("/dev/a"), port("/dev/b")]).unwrap_err();
        assert_eq!(several.cause, "2 boards are plugged in: /dev/a (CP210x), /dev/b (CP210x)");
        assert!(only(vec![]).is_err());
    }

    #[test]
    fn whoever_names_a_board_by_its_address_waits_for_the_run_that_has_it() {
        let mac = [0x02, 0x47, 0x41, 0x54, 0x54, 0x01];
        let held = Lock::acquire(&mac_name(mac), Duration::ZERO, &mut |_| {}).unwrap();
        let in_use = ask_for(mac, &[], Duration::from_millis(50), &mut |_| {}).unwrap_err();
        assert!(in_use.cause.starts_with("the board is in use by process"), "{in_use}");
        let mut held = Some(held);
        let absent = ask_for(mac, &[], LOCK_DEADLINE, &mut |_| drop(held.take())).unwrap_err();
        assert_eq!(
            absent.cause,
            "no board with the address 02:47:41:54:54:01 answers; 0 of 0 ports are in use"
        );
    }

    #[test]
    fn a_port_that_is_not_there_is_a_fault_with_its_name() {
        let fault = attach(&BoardSpec::Port("/dev/ttyGattestNone".into()), &mut |_| {}).unwrap_err();
        assert_eq!(fault.cause, "the port /dev/ttyGattestNone is not there");
    }
}
