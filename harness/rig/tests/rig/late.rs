//! An adapter at the far end of a stream: what its controller has acknowledged reaches its host later, behind the
//! board's own reports.

use crate::support::files;
use air::{Air, Controller, ControllerConfig, TransportError};
use board::VirtualBoard;
use bt_hci_transport::{PacketKind, PacketToController, PacketToHost, Transport};
use conformance::compare::compare;
use conformance::parse::parse_with;
use conformance::plan::{Plan, plan};
use conformance::verdict::Verdict;
use embassy_time::{Duration, Instant, Timer};
use rig::central::AttCentral;
use rig::drive::{Driven, Setup, drive};
use rig::link::BoardLink;
use std::cell::RefCell;
use std::path::Path;
use std::pin::{Pin, pin};

/// Longer than a connection interval and a barrier take.
const LATE_BY: Duration = Duration::from_millis(30);

/// Holds each packet from the controller up.
struct Late {
    controller: Controller,
    /// The packet on its way, and when it is there.
    under_way: RefCell<Option<(PacketKind, Vec<u8>, Instant)>>,
}

impl embedded_io_async::ErrorType for Late {
    type Error = TransportError;
}

impl Transport for Late {
    async fn read<'a, P: PacketToHost<'a>>(&self, rx: &'a mut [u8]) -> Result<P, TransportError> {
        if self.under_way.borrow().is_none() {
            let mut packet = [0; 300];
            let (kind, len) = self.controller.read_packet(&mut packet).await;
            let there = Instant::now() + LATE_BY;
            *self.under_way.borrow_mut() = Some((kind, packet[..len].to_vec(), there));
        }
        let there = self.under_way.borrow().as_ref().map_or(Instant::MIN, |(.., there)| *there);
        Timer::at(there).await;
        let (kind, bytes, _) = self.under_way.take().unwrap();
        Ok(P::read_hci(kind, &mut &bytes[..], rx)?)
    }

    async fn write<P: PacketToController>(&self, tx: &P) -> Result<(), TransportError> {
        self.controller.write(tx).await
    }
}

fn driven(plan: &Plan) -> Driven {
    let air = Air::new(5);
    let board = VirtualBoard::new(&air, air.controller(ControllerConfig::default()));
    let late = |_| {
        let controller = air.controller(ControllerConfig::default());
        AttCentral::new(Late { controller, under_way: RefCell::new(None) })
    };
    let centrals: Vec<_> = (0..1 + plan.centrals.len()).map(late).collect();
    let link = BoardLink::new();
    let (mut pump, mut host, mut serial) = (pin!(board.pump()), pin!(board.host()), pin!(board.link()));
    let mut line = pin!(link.run(board.serial()));
    let mut readers: Vec<_> = centrals.iter().map(|central| Box::pin(central.run())).collect();
    let mut tasks: Vec<Pin<&mut dyn Future<Output = ()>>> =
        vec![pump.as_mut(), host.as_mut(), serial.as_mut(), line.as_mut()];
    for reader in &mut readers {
        tasks.push(reader.as_mut());
    }
    let setup = Setup { seed: 1, certain_radio: false, address: None, mutant: &[] };
    air.run(drive(plan, Some(&link), &centrals, setup), &mut tasks).unwrap()
}

/// What a scenario's file holds, and its expected trace.
fn scenario(folder: &str, name: &str, text: &str) -> (Plan, String) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |file: &str| {
        std::fs::read_to_string(repository.join(folder).join(file)).map_err(|error| error.to_string())
    };
    let plan = plan(&parse_with(name, name, text, &read).unwrap());
    let trace = folder.replace("scenarios", "fixtures/traces") + "/" + &name.replace(".yaml", ".snap");
    let snapshot = std::fs::read_to_string(repository.join(trace)).unwrap();
    // Behind the snapshot's own header.
    (plan, snapshot.splitn(3, "---\n").last().unwrap().to_owned())
}

#[test]
fn what_arrives_late_belongs_to_the_step_that_caused_it() {
    for theme in ["api", "att", "gatt-sr", "language", "lopy"] {
        let folder = format!("scenarios/{theme}");
        for (name, text) in files(&folder) {
            let (plan, expected) = scenario(&folder, &name, &text);
            let driven = driven(&plan);
            assert_eq!(driven.fault, None, "{theme}/{name}");
            let verdict = compare(&plan, &driven.observations, Some(&expected));
            assert_eq!(verdict, Verdict::Pass, "{theme}/{name}");
        }
    }
}
