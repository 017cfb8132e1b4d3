//! `gattest boards`.

use rig::attach::{Survey, survey};
use rig::firmware::firmware_name;
use rig::serial::Port;

use super::{Outcome, inconclusive, print};
use crate::args::BoardsArgs;
use crate::exit::Exit;

pub(super) fn execute(args: &BoardsArgs) -> Outcome {
    let mut ports = match rig::serial::ports() {
        Ok(ports) => ports,
        Err(fault) => return Ok(inconclusive(fault)),
    };
    ports.extend(args.ports.iter().map(|path| Port::named(path)));
    if ports.is_empty() {
        print("no board is plugged in\n");
        return Ok(Exit::Nothing);
    }
    for port in &ports {
        print(&line(port));
    }
    Ok(Exit::Pass)
}

fn line(port: &Port) -> String {
    let at = format!("{}  {}", port.path.display(), port.bridge);
    match survey(&port.path) {
        Survey::Locked(who) => format!("{at}  in use by {who}\n"),
        Survey::Unusable(fault) => format!("{at}  {}\n    what to do: {}\n", fault.cause, fault.cure),
        Survey::Silent(fault) => format!("{at}  free  {}\n    what to do: {}\n", fault.cause, fault.cure),
        Survey::Board(board) => {
            let mac = rig::attach::Mac(board.mac);
            format!("{at}  free  {} {mac} {}\n", board.chip, firmware_name(&board.app_hash))
        }
    }
}
