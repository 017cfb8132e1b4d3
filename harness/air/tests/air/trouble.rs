//! A real host stack on a virtual controller.

use std::pin::pin;

use crate::support::*;
use air::{Air, Controller, ControllerConfig};
use bt_hci::controller::ExternalController;
use embassy_time::{Duration, with_timeout};
use trouble_host::prelude::*;

struct HeapPacket(Box<[u8; 251]>);

impl AsRef<[u8]> for HeapPacket {
    fn as_ref(&self) -> &[u8] {
        &self.0[..]
    }
}

impl AsMut<[u8]> for HeapPacket {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0[..]
    }
}

impl Packet for HeapPacket {}

struct HeapPool;

impl PacketPool for HeapPool {
    type Packet = HeapPacket;
    const MTU: usize = 251;

    fn allocate() -> Option<HeapPacket> {
        Some(HeapPacket(Box::new([0; 251])))
    }

    fn capacity() -> usize {
        16
    }
}

#[test]
fn trouble_host_starts_advertises_connects_and_disconnects() {
    for seed in 0..10 {
        let air = Air::new(seed);
        let central = Host::new(&air, ControllerConfig::default());
        let device = air.controller(ControllerConfig::default());
        let controller: ExternalController<Controller, 20> = ExternalController::new(device.clone());
        let mut resources: HostResources<HeapPool, 1, 1> = HostResources::new();
        let address = [1, 2, 3, 4, 5, 0xC6];
        let stack = trouble_host::new(controller, &mut resources)
            .set_random_address(Address::random(address))
            .build();
        let mut peripheral = stack.peripheral();
        let mut runner = stack.runner();
        let mut host = pin!(async {
            runner.run().await.unwrap();
        });
        let mut application = pin!(async {
            let data = [2, 1, 6];
            for _ in 0..3 {
                let advertisement =
                    Advertisement::ConnectableScannableUndirected { adv_data: &data, scan_data: &[] };
                let advertiser = peripheral.advertise(&Default::default(), advertisement).await.unwrap();
                let connection = advertiser.accept().await.unwrap();
                while !matches!(connection.next().await, ConnectionEvent::Disconnected { .. }) {}
            }
        });
        let run = air.run(
            async {
                central.start().await;
                for _ in 0..3 {
                    let mut create = create_connection(address, 24, 400);
                    create[5] = 1;
                    central.must(0x200D, &create).await;
                    let handle = handle_of(&central.le_event(CONNECTION_COMPLETE).await);
                    // Exchange MTU Request, which the host answers by itself.
                    central.send(handle, &[3, 0, 4, 0, 2, 0xF7, 0]);
                    let answer = with_timeout(Duration::from_secs(1), central.data()).await.unwrap();
                    assert_eq!(answer.1[4], 3);
                    central.disconnect(handle).await;
                    assert_eq!(central.event(DISCONNECTION_COMPLETE).await[3], 0x16);
                }
            },
            &mut [host.as_mut(), application.as_mut()],
        );
        assert_eq!(run, Ok(()), "seed {seed}");
        assert_eq!(device.host_errors(), air::HostErrors::default());
        assert!(air.now() < 60_000_000);
    }
}

/// The Connection Parameters Request procedure is not supported, so the peripheral asks over L2CAP, and the central's
/// host uses LE Connection Update (Core Vol 3 Part A 4.20).
#[test]
fn trouble_host_gets_other_connection_parameters_over_l2cap() {
    let air = Air::new(1);
    let central = Host::new(&air, ControllerConfig::default());
    let device = air.controller(ControllerConfig::default());
    let controller: ExternalController<Controller, 20> = ExternalController::new(device.clone());
    let mut resources: HostResources<HeapPool, 1, 1> = HostResources::new();
    let address = [1, 2, 3, 4, 5, 0xC6];
    let stack =
        trouble_host::new(controller, &mut resources).set_random_address(Address::random(address)).build();
    let mut peripheral = stack.peripheral();
    let mut runner = stack.runner();
    let mut host = pin!(async {
        runner.run().await.unwrap();
    });
    let application = async {
        let advertisement =
            Advertisement::ConnectableScannableUndirected { adv_data: &[2, 1, 6], scan_data: &[] };
        let advertiser = peripheral.advertise(&Default::default(), advertisement).await.unwrap();
        let connection = advertiser.accept().await.unwrap();
        let wanted = RequestedConnParams {
            min_connection_interval: Duration::from_millis(15),
            max_connection_interval: Duration::from_millis(15),
            max_latency: 0,
            supervision_timeout: Duration::from_secs(2),
            ..RequestedConnParams::default()
        };
        connection.update_connection_params(&stack, &wanted).await.unwrap();
        loop {
            if let ConnectionEvent::ConnectionParamsUpdated { conn_interval, .. } = connection.next().await {
                return conn_interval;
            }
        }
    };
    let remote = async {
        central.start().await;
        let mut create = create_connection(address, 24, 400);
        create[5] = 1;
        central.must(0x200D, &create).await;
        let handle = handle_of(&central.le_event(CONNECTION_COMPLETE).await);
        // Signalling channel: Connection Parameter Update Request, intervals in 1.25 ms, timeout in 10 ms.
        let (_, request) = central.data().await;
        let [12, 0, 5, 0, 0x12, identifier, 8, 0, 12, 0, 12, 0, 0, 0, 200, 0] = request[..] else {
            unreachable!("{request:02x?}")
        };
        central.send(handle, &[6, 0, 5, 0, 0x13, identifier, 2, 0, 0, 0]);
        let [low, high] = handle.to_le_bytes();
        central.must(0x2013, &[low, high, 12, 0, 12, 0, 0, 0, 200, 0, 0, 0, 0, 0]).await;
        assert_eq!(central.le_event(0x03).await, [0, low, high, 12, 0, 0, 0, 200, 0]);
    };
    let run = air.run(embassy_futures::join::join(application, remote), &mut [host.as_mut()]);
    assert_eq!(run.map(|(interval, ())| interval), Ok(Duration::from_millis(15)));
    central.no_errors();
    assert_eq!(device.host_errors(), air::HostErrors::default());
}
