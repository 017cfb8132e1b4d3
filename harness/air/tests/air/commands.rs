//! Commands: answers, lengths, masks.

use crate::support::*;
use air::{Air, ControllerConfig, HostError};
use bt_hci_transport::PacketKind;
use proptest::prelude::*;

#[test]
fn what_a_host_asks_at_its_start_is_answered() {
    let air = Air::new(1);
    let config = ControllerConfig {
        public_address: [1, 2, 3, 4, 5, 6],
        acl_packet_length: 27,
        acl_packet_count: 4,
        ..ControllerConfig::default()
    };
    let host = Host::new(&air, config);
    air.run(
        async {
            host.start().await;
            assert_eq!(host.must(0x1009, &[]).await, [1, 2, 3, 4, 5, 6]);
            assert_eq!(host.must(0x2002, &[]).await, [27, 0, 4]);
            assert_eq!(host.must(0x2060, &[]).await, [27, 0, 4, 0, 0, 0]);
            assert_eq!(host.must(0x1001, &[]).await.len(), 8);
            assert_eq!(host.must(0x1002, &[]).await.len(), 64);
            // LE supported, BR/EDR not.
            assert_eq!(host.must(0x1003, &[]).await, [0, 0, 0, 0, 0x60, 0, 0, 0]);
            assert_eq!(host.must(0x2003, &[]).await, [0x29, 0, 0, 0, 0, 0, 0, 0]);
            assert_eq!(host.must(0x0C63, &[0; 8]).await, []);
            assert_eq!(host.must(0x0C33, &[255, 0, 0, 1, 0, 0, 0]).await, []);
            assert_eq!(host.must(0x200F, &[]).await, [8]);
            assert_eq!(host.must(0x2007, &[]).await, [0]);
            assert_eq!(host.must(0x2023, &[]).await, [27, 0, 0x48, 1]);
            assert_eq!(host.must(0x202F, &[]).await, [251, 0, 0x48, 8, 251, 0, 0x48, 8]);
            assert_ne!(host.must(0x2018, &[]).await, host.must(0x2018, &[]).await);
        },
        &mut [],
    )
    .unwrap();
    host.no_errors();
    assert_eq!(air.now(), 0, "commands need no clock");
}

#[test]
fn wrong_commands_are_answered_with_the_right_error() {
    let air = Air::new(1);
    let host =
        Host::new(&air, ControllerConfig { data_length_extension: false, ..ControllerConfig::default() });
    air.run(
        async {
            host.start().await;
            let cases: [(u16, &[u8], u8); 23] = [
                (0x0C7B, &[0x40, 0], 0x01),                            // LE Ping: not supported
                (0x2025, &[], 0x01),      // LE Read Local P-256 Public Key: not supported
                (0x2036, &[0; 25], 0x01), // extended advertising: not supported
                (0x2022, &[0x40, 0, 251, 0, 0x48, 8], 0x01), // no data length extension
                (0xFC00, &[], 0x01),      // vendor
                (0x2001, &[0; 7], 0x12),  // wrong length
                (RESET, &[0], 0x12),      // wrong length
                (0x200A, &[2], 0x12),     // not a bool
                (0x2006, &advertising_parameters(0x001F, 0, 0), 0x12), // interval too short
                (0x2006, &advertising_parameters(0x00A0, 5, 0), 0x12), // no such type
                (0x2006, &[0xA0, 0, 0xA0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 0], 0x11), // resolvable address
                (0x2006, &[0xA0, 0, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0x12), // no channel
                (0x2008, &[32; 32], 0x12), // 32 bytes of data
                (0x200B, &[0, 3, 0, 3, 0, 0, 0], 0x12), // interval too short
                (0x200B, &[0, 4, 0, 5, 0, 0, 0], 0x12), // window beyond interval
                (0x200E, &[], 0x0C),      // nothing to cancel
                (DISCONNECT, &[0x40, 0, 0x13], 0x02), // no such connection
                (0x2016, &[0x40, 0], 0x02),
                (0x1405, &[0x40, 0], 0x02),
                (0x2030, &[0x40, 0], 0x02),
                (0x2031, &[0, 2, 2], 0x11),                                 // LE 2M
                (0x2011, &[0xFF, 0, 0, 0, 0, 0, 0], 0x12), // anonymous: extended advertising only
                (0x200D, &create_connection([1; 6], 0x0C80, 0x0080), 0x12), // timeout not above two intervals
            ];
            for (opcode, parameters, status) in cases {
                let returned = host.command(opcode, parameters).await;
                assert_eq!(returned[0], status, "{opcode:#06x} {parameters:02x?}");
            }
            // Errors have the full length, and name the handle.
            assert_eq!(host.command(0x1405, &[0x40, 0]).await, [0x02, 0x40, 0, 0]);
        },
        &mut [],
    )
    .unwrap();
    host.no_errors();
}

#[test]
fn a_random_address_is_needed_before_it_is_used_and_fixed_while_it_is() {
    let air = Air::new(1);
    let host = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            host.start().await;
            let mut parameters = advertising_parameters(0x00A0, 0, 0);
            parameters[5] = 1;
            host.must(0x2006, &parameters).await;
            assert_eq!(host.command(0x200A, &[1]).await, [0x12]);
            host.must(0x2005, &[1, 2, 3, 4, 5, 0xC6]).await;
            host.must(0x200A, &[1]).await;
            assert_eq!(host.command(0x2005, &[0; 6]).await, [0x0C]);
            assert_eq!(host.command(0x2006, &parameters).await, [0x0C]);
            host.must(0x200A, &[0]).await;
            host.must(0x2005, &[0; 6]).await;
            host.must(RESET, &[]).await;
            host.must(0x2006, &parameters).await;
            assert_eq!(host.command(0x200A, &[1]).await, [0x12], "Reset forgets the address");
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn the_accept_list_is_bounded_and_fixed_while_in_use() {
    let air = Air::new(1);
    let host = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            host.start().await;
            for last in 0..8 {
                host.must(0x2011, &[0, last, 0, 0, 0, 0, 0]).await;
                host.must(0x2011, &[0, last, 0, 0, 0, 0, 0]).await;
            }
            assert_eq!(host.command(0x2011, &[0, 8, 0, 0, 0, 0, 0]).await, [0x07]);
            host.must(0x2012, &[0, 0, 0, 0, 0, 0, 0]).await;
            host.must(0x2011, &[0, 8, 0, 0, 0, 0, 0]).await;
            host.must(0x2006, &advertising_parameters(0x00A0, 0, 3)).await;
            host.must(0x200A, &[1]).await;
            assert_eq!(host.command(0x2010, &[]).await, [0x0C]);
            host.must(0x200A, &[0]).await;
            host.must(0x2010, &[]).await;
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn the_resolving_list_is_kept_and_bounded() {
    let air = Air::new(1);
    let host = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            host.start().await;
            assert_eq!(host.must(0x202A, &[]).await, [8]);
            let entry = |last| [&[1, last, 0, 0, 0, 0, 0xC0][..], &[0; 32]].concat();
            for last in 0..8 {
                host.must(0x2027, &entry(last)).await;
            }
            assert_eq!(host.command(0x2027, &entry(0)).await, [0x12], "there already");
            assert_eq!(host.command(0x2027, &entry(8)).await, [0x07], "full");
            assert_eq!(host.command(0x2028, &entry(8)[..7]).await, [0x02], "not there");
            host.must(0x2028, &entry(7)[..7]).await;
            host.must(0x204E, &[1, 0, 0, 0, 0, 0, 0xC0, 1]).await;
            assert_eq!(host.command(0x204E, &[1, 7, 0, 0, 0, 0, 0xC0, 1]).await, [0x02]);
            assert_eq!(host.command(0x202D, &[2]).await, [0x12]);
            host.must(0x202D, &[1]).await;
            host.must(0x2027, &entry(7)).await;
            host.advertise().await;
            assert_eq!(host.command(0x202D, &[0]).await, [0x0C]);
            assert_eq!(host.command(0x2029, &[]).await, [0x0C]);
            host.must(0x200A, &[0]).await;
            host.must(0x2029, &[]).await;
            host.must(0x2027, &entry(0)).await;
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn masked_events_are_not_sent() {
    let air = Air::new(1);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            central.start().await;
            // The defaults after Reset: no LE Meta (Core Vol 4 Part E 7.3.1).
            peripheral.must(RESET, &[]).await;
            peripheral.advertise().await;
            central.must(0x200D, &create_connection(peripheral.controller.public_address(), 24, 400)).await;
            let handle = handle_of(&central.le_event(CONNECTION_COMPLETE).await);
            central.disconnect(handle).await;
            let gone = peripheral.event(DISCONNECTION_COMPLETE).await;
            assert_eq!(gone[3], 0x13);
            assert!(!peripheral.has_event(0x3E));
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn malformed_packets_are_the_hosts_error() {
    let air = Air::new(1);
    let host = Host::new(&air, ControllerConfig::default());
    let write = |kind, bytes: &[u8]| host.controller.write_packet(kind, bytes).unwrap_err();
    let malformed = |kind, length| HostError::Malformed { kind, length };
    assert_eq!(write(PacketKind::Cmd, &[]), malformed(PacketKind::Cmd, 0));
    assert_eq!(write(PacketKind::Cmd, &[3, 12]), malformed(PacketKind::Cmd, 2));
    assert_eq!(write(PacketKind::Cmd, &[3, 12, 1]), malformed(PacketKind::Cmd, 3));
    assert_eq!(write(PacketKind::AclData, &[0x40, 0, 2, 0, 1]), malformed(PacketKind::AclData, 5));
    assert_eq!(write(PacketKind::Event, &[0]), HostError::Kind(PacketKind::Event));
    assert_eq!(write(PacketKind::AclData, &[0x40, 0, 1, 0, 1]), HostError::UnknownHandle(0x40));
    assert_eq!(host.controller.host_errors().count, 6);
    assert_eq!(host.controller.host_errors().first.last(), Some(&HostError::UnknownHandle(0x40)));
}

#[test]
fn a_host_that_never_reads_costs_a_bounded_amount_of_memory() {
    let air = Air::new(1);
    let host = Host::new(&air, ControllerConfig::default());
    for _ in 0..100_000 {
        host.write_command(0x1002, &[]);
    }
    let errors = host.controller.host_errors();
    assert!(errors.count > 90_000);
    assert_eq!(errors.first.len(), 64);
    assert_eq!(errors.first[0], HostError::NotReading);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_command_ever_panics_or_stays_unanswered(
        commands in proptest::collection::vec(
            (prop_oneof![0x2000_u16..0x2064, 0x2019_u16..0x201C, 0x0C01_u16..0x0C70, Just(0x0406), Just(0x041D), any::<u16>()],
             proptest::collection::vec(prop_oneof![0_u8..5, any::<u8>(), Just(0x40)], 0..40)), 1..40),
        seed: u64,
    ) {
        let air = Air::new(seed);
        let (central, peripheral) = pair(&air);
        air.run(async {
            let (_, _) = connect(&central, &peripheral, 24, 400).await;
            for (opcode, parameters) in commands {
                if opcode != 0x0C35 {
                    central.command(opcode, &parameters).await;
                    peripheral.command(opcode, &parameters).await;
                } else {
                    central.write_command(opcode, &parameters);
                }
                embassy_time::Timer::after_millis(50).await;
            }
        }, &mut []).unwrap();
    }
}
