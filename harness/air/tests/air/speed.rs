//! How fast it is: `cargo test -p air --release --test speed -- --ignored --nocapture`.

use std::pin::pin;

use crate::support::*;
use air::Air;
use bt_hci_transport::PacketKind;

const ROUNDS: u32 = 1_000_000;

#[test]
#[ignore = "measures; it has nothing to assert"]
fn round_trips_in_a_second() {
    let air = Air::new(1);
    let (central, peripheral) = pair(&air);
    let (there, here) = air.run(connect(&central, &peripheral, 6, 400), &mut []).unwrap();
    let (there, here) = (there.to_le_bytes(), here.to_le_bytes());
    let request = [there[0], there[1], 7, 0, 3, 0, 4, 0, 0x0A, 3, 0];
    let response = [here[0], here[1], 7, 0, 3, 0, 4, 0, 0x0B, 3, 0];
    let mut echo = pin!(async {
        let mut buf = [0; 259];
        loop {
            if let (PacketKind::AclData, _) = peripheral.controller.read_packet(&mut buf).await {
                peripheral.controller.write_packet(PacketKind::AclData, &response).unwrap();
            }
        }
    });
    let begin = std::time::Instant::now();
    air.run(
        async {
            let mut buf = [0; 259];
            for _ in 0..ROUNDS {
                central.controller.write_packet(PacketKind::AclData, &request).unwrap();
                while central.controller.read_packet(&mut buf).await.0 != PacketKind::AclData {}
            }
        },
        &mut [echo.as_mut()],
    )
    .unwrap();
    let rate = f64::from(ROUNDS) / begin.elapsed().as_secs_f64();
    println!("{:.2} million round trips a second, {} s of virtual time", rate / 1e6, air.now() / 1_000_000);
    central.no_errors();
    peripheral.no_errors();
}
