//! `gattest radio`: a virtual radio for other programs.

use rig::radio::{ControllerConfig, RadioEvent, Socket, Stop, serve};

use super::{Outcome, print, say};
use crate::args::RadioArgs;
use crate::exit::Exit;

pub(super) fn execute(args: &RadioArgs) -> Outcome {
    let stop = Stop::default();
    let from_outside = stop.clone();
    ctrlc::set_handler(move || from_outside.stop())?;
    let sockets: Vec<(Socket, ControllerConfig)> =
        args.socket.iter().map(|socket| (socket.clone(), ControllerConfig::default())).collect();
    serve(&sockets, args.seed, &stop, &mut |event| match event {
        RadioEvent::Ready(sockets) => print(&ready(&sockets)),
        RadioEvent::Ended(_, Ok(())) => {}
        RadioEvent::Ended(socket, Err(why)) => say(&format!("the host at {socket} was sent away: {why}\n")),
    })?;
    Ok(Exit::Pass)
}

/// `ready: unix:a.sock tcp:127.0.0.1:9000`
fn ready(sockets: &[Socket]) -> String {
    let sockets: Vec<String> = sockets.iter().map(ToString::to_string).collect();
    format!("ready: {}\n", sockets.join(" "))
}
