//! Links: data, loss, flow control, procedures.

use crate::support::*;
use air::{Air, ControllerConfig, HostError};
use bt_hci_transport::PacketKind;
use embassy_futures::join::join;
use embassy_time::{Duration, Instant, Timer, with_timeout};

#[test]
fn data_crosses_with_its_boundaries_one_interval_at_a_time() {
    let air = Air::new(1);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            central.send(there, &[1, 2, 3]);
            central.send(there | 0x1000, &[4, 5]);
            assert_eq!(peripheral.data().await, (here | 0x2000, vec![1, 2, 3]));
            assert_eq!(peripheral.data().await, (here | 0x1000, vec![4, 5]));
            let first = Instant::now();
            // The answer waits for the next event, and so does what answers it.
            peripheral.send(here, &[6]);
            assert_eq!(central.data().await, (there | 0x2000, vec![6]));
            assert_eq!(first.elapsed().as_micros(), 30_000);
            central.send(there, &[7]);
            assert_eq!(peripheral.data().await.1, [7]);
            assert_eq!(first.elapsed().as_micros(), 60_000);
            let [low, high] = there.to_le_bytes();
            assert_eq!(
                central.event(COMPLETED_PACKETS).await,
                [1, low, high, 2, 0],
                "both of one event in one"
            );
            assert_eq!(central.event(COMPLETED_PACKETS).await, [1, low, high, 1, 0]);
        },
        &mut [],
    )
    .unwrap();
    central.no_errors();
    peripheral.no_errors();
}

#[test]
fn an_idle_link_keeps_its_anchors() {
    let air = Air::new(2);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, _) = connect(&central, &peripheral, 6, 400).await;
            central.send(there, &[0]);
            peripheral.data().await;
            let anchor = Instant::now();
            for pause_us in [1, 7_499, 7_500, 123_456, 3_600_000_000] {
                Timer::after_micros(pause_us).await;
                let sent = Instant::now();
                central.send(there, &[0]);
                peripheral.data().await;
                assert_eq!((Instant::now() - anchor).as_micros() % 7_500, 0);
                assert!(sent.elapsed().as_micros() <= 7_500 && sent.elapsed().as_micros() > 0);
            }
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn the_phase_of_the_anchors_comes_from_the_seed() {
    let phase = |seed| {
        let air = Air::new(seed);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, _) = connect(&central, &peripheral, 800, 400).await;
                central.send(there, &[0]);
                peripheral.data().await;
                Instant::now().as_micros() % 1_000_000
            },
            &mut [],
        )
        .unwrap()
    };
    assert_eq!(phase(1), phase(1));
    assert_ne!(phase(1), phase(2));
}

/// Sends packets one way as fast as the credits allow, each one of `length` bytes that begin with its number.
async fn stream(host: &Host, handle: u16, count: u32, length: usize) {
    let mut credits = 8;
    for number in 0..count {
        if credits == 0 {
            let completed = host.event(COMPLETED_PACKETS).await;
            credits += u16::from_le_bytes([completed[3], completed[4]]);
        }
        let mut data = vec![0; length];
        data[..4].copy_from_slice(&number.to_le_bytes());
        host.send(if number % 3 == 0 { handle } else { handle | 0x1000 }, &data);
        credits -= 1;
    }
    while credits < 8 {
        let completed = host.event(COMPLETED_PACKETS).await;
        credits += u16::from_le_bytes([completed[3], completed[4]]);
    }
}

/// Takes those packets, in order.
async fn sink(host: &Host, handle: u16, count: u32, length: usize) {
    for number in 0..count {
        let (head, data) = host.data().await;
        let flags = if number % 3 == 0 { 0x2000 } else { 0x1000 };
        assert_eq!((head, data.len()), (handle | flags, length));
        assert_eq!(data[..4], number.to_le_bytes());
    }
}

/// Both ways at once, each host in two parts: one must not take the other's packets.
async fn both_ways(central: &Host, peripheral: &Host, handles: (u16, u16), count: u32, length: usize) {
    join(stream(central, handles.0, count, length), sink(peripheral, handles.1, count, length)).await;
    join(stream(peripheral, handles.1, count, length), sink(central, handles.0, count, length)).await;
}

#[test]
fn thirty_percent_loss_delays_and_neither_loses_nor_reorders_nor_doubles() {
    for seed in 0..20 {
        let air = Air::new(seed);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let handles = connect(&central, &peripheral, 24, 400).await;
                let begin = Instant::now();
                both_ways(&central, &peripheral, handles, 300, 20).await;
                let without = begin.elapsed();
                air.set_loss(300);
                let begin = Instant::now();
                both_ways(&central, &peripheral, handles, 300, 20).await;
                assert!(begin.elapsed() > without * 2, "{} and {}", begin.elapsed(), without);
                air.set_loss(0);
                Timer::after_secs(60).await;
                central.send(handles.0, &[1]);
                assert_eq!(peripheral.data().await.1, [1]);
            },
            &mut [],
        )
        .unwrap();
        central.no_errors();
        peripheral.no_errors();
    }
}

#[test]
fn a_connection_event_carries_what_fits_into_its_interval() {
    // 251 bytes in PDUs of 27 take 10 x 80 us + 2008 us and the acknowledgements; in one PDU 2088 us.
    let packets_in_first_event = |extended: bool| {
        let air = Air::new(3);
        let (central, peripheral) = pair(&air);
        air.run(
            async {
                let (there, here) = connect(&central, &peripheral, 8, 400).await;
                if extended {
                    let [low, high] = there.to_le_bytes();
                    central.must(0x2022, &[low, high, 251, 0, 0x48, 8]).await;
                    assert_eq!(central.le_event(7).await, [low, high, 251, 0, 0x48, 8, 27, 0, 0x48, 1]);
                    let [low, high] = here.to_le_bytes();
                    assert_eq!(peripheral.le_event(7).await, [low, high, 27, 0, 0x48, 1, 251, 0, 0x48, 8]);
                }
                for _ in 0..8 {
                    central.send(there, &[0; 251]);
                }
                peripheral.data().await;
                let event = Instant::now();
                let mut count = 1;
                while with_timeout(Duration::from_micros(1), peripheral.data()).await.is_ok() {
                    count += 1;
                }
                assert!(event.elapsed().as_micros() <= 1);
                count
            },
            &mut [],
        )
        .unwrap()
    };
    assert_eq!(packets_in_first_event(false), 1);
    assert_eq!(packets_in_first_event(true), 4);
}

#[test]
fn the_buffer_count_is_never_exceeded_and_an_overrun_shows() {
    let air = Air::new(4);
    let config =
        ControllerConfig { acl_packet_count: 3, acl_packet_length: 27, ..ControllerConfig::default() };
    let central = Host::new(&air, config);
    let peripheral = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            let (there, _) = connect(&central, &peripheral, 24, 400).await;
            for _ in 0..3 {
                central.send(there, &[0; 27]);
            }
            assert_eq!(
                central.try_send(there, &[9]),
                Err(HostError::BufferOverrun { handle: there, count: 3 })
            );
            assert_eq!(central.event(0x1A).await, [1], "Data Buffer Overflow");
            assert_eq!(central.try_send(there, &[0; 28]), Err(HostError::TooLong { length: 28, limit: 27 }));
            assert_eq!(central.try_send(there, &[]), Err(HostError::Empty(there)));
            assert_eq!(central.try_send(there | 0x2000, &[1]), Err(HostError::Flags(2)));
            assert_eq!(central.try_send(there | 0x8000, &[1]), Err(HostError::Flags(8)));
            let mut completed = 0;
            while completed < 3 {
                completed += central.event(COMPLETED_PACKETS).await[3];
            }
            central.send(there, &[1]);
        },
        &mut [],
    )
    .unwrap();
    assert_eq!(central.controller.host_errors().count, 5);
}

#[test]
fn a_host_that_does_not_read_holds_back_its_peer_and_loses_nothing() {
    let air = Air::new(5);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let handles = connect(&central, &peripheral, 24, 400).await;
            // 500 x 251 bytes are more than the queue to the host holds.
            let sending = with_timeout(Duration::from_secs(60), stream(&central, handles.0, 500, 251)).await;
            assert!(sending.is_err());
        },
        &mut [],
    )
    .unwrap();
    air.run(
        async {
            let mut got = 0;
            while let Ok((_, data)) = with_timeout(Duration::from_secs(1), peripheral.data()).await {
                assert_eq!(data[..4], u32::to_le_bytes(got));
                got += 1;
            }
            assert!((200..300).contains(&got), "{got}");
        },
        &mut [],
    )
    .unwrap();
    peripheral.no_errors();
}

#[test]
fn controller_to_host_flow_control_is_kept() {
    let air = Air::new(6);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            peripheral.start().await;
            central.start().await;
            peripheral.must(0x0C33, &[251, 0, 0, 2, 0, 0, 0]).await;
            peripheral.must(0x0C31, &[1]).await;
            let (there, here) = reconnect(&central, &peripheral, 24, 400).await;
            assert_eq!(peripheral.command(0x0C31, &[0]).await, [0x0C], "not with a connection");
            for number in 0..5 {
                central.send(there, &[number]);
            }
            assert_eq!(peripheral.data().await.1, [0]);
            assert_eq!(peripheral.data().await.1, [1]);
            let third = with_timeout(Duration::from_secs(5), peripheral.data()).await;
            assert!(third.is_err(), "the host has room for two");
            let [low, high] = here.to_le_bytes();
            peripheral.write_command(0x0C35, &[1, low, high, 1, 0]);
            assert_eq!(peripheral.data().await.1, [2]);
            assert!(with_timeout(Duration::from_secs(5), peripheral.data()).await.is_err());
            peripheral.write_command(0x0C35, &[1, low, high, 3, 0]);
            assert_eq!(peripheral.data().await.1, [3]);
            assert_eq!(peripheral.data().await.1, [4]);
        },
        &mut [],
    )
    .unwrap();
    let errors = peripheral.controller.host_errors().first;
    assert_eq!(errors.len(), 1);
    assert!(matches!(errors[0], HostError::CompletedTooMany { count: 3, outstanding: 2, .. }));
}

#[test]
fn a_connection_update_comes_into_force_at_both_ends() {
    let air = Air::new(13);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            let ([low, high], [p_low, p_high]) = (there.to_le_bytes(), here.to_le_bytes());
            let update = |low, high| [low, high, 80, 0, 80, 0, 0, 0, 200, 0, 0, 0, 0, 0];
            assert_eq!(peripheral.command(0x2013, &update(p_low, p_high)).await, [0x0C]);
            central.must(0x2013, &update(low, high)).await;
            assert_eq!(central.command(0x2013, &update(low, high)).await, [0x0C]);
            let begin = Instant::now();
            assert_eq!(central.le_event(3).await, [0, low, high, 80, 0, 0, 0, 200, 0]);
            assert_eq!(peripheral.le_event(3).await, [0, p_low, p_high, 80, 0, 0, 0, 200, 0]);
            // Six events after the one that told the peripheral.
            assert!((180..=240).contains(&begin.elapsed().as_millis()), "{}", begin.elapsed());
            central.send(there, &[1]);
            peripheral.data().await;
            let anchor = Instant::now();
            peripheral.send(here, &[1]);
            central.data().await;
            assert_eq!(anchor.elapsed().as_millis(), 100);
            air.set_loss(1000);
            let last_heard = Instant::now();
            reason(&central).await;
            assert_eq!(last_heard.elapsed().as_millis(), 2000);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_shorter_supervision_timeout_holds_from_its_instant_on() {
    let air = Air::new(17);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, _) = connect(&central, &peripheral, 24, 3200).await;
            air.set_loss(1);
            Timer::after_secs(1).await;
            air.set_loss(0);
            let [low, high] = there.to_le_bytes();
            central.must(0x2013, &[low, high, 24, 0, 24, 0, 0, 0, 50, 0, 0, 0, 0, 0]).await;
            central.le_event(3).await;
            central.send(there, &[1]);
            peripheral.data().await;
            let last_heard = Instant::now();
            air.set_loss(1000);
            assert_eq!((reason(&central).await, reason(&peripheral).await), (0x08, 0x08));
            assert_eq!(last_heard.elapsed().as_millis(), 500);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn features_and_versions_are_exchanged_from_either_end() {
    let air = Air::new(14);
    let central =
        Host::new(&air, ControllerConfig { data_length_extension: false, ..ControllerConfig::default() });
    let peripheral = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            let ([c_low, c_high], [p_low, p_high]) = (there.to_le_bytes(), here.to_le_bytes());
            central.must(0x2016, &[c_low, c_high]).await;
            assert_eq!(central.le_event(4).await, [0, c_low, c_high, 0x29, 0, 0, 0, 0, 0, 0, 0]);
            peripheral.must(0x2016, &[p_low, p_high]).await;
            assert_eq!(peripheral.le_event(4).await, [0, p_low, p_high, 0x09, 0, 0, 0, 0, 0, 0, 0]);
            for _ in 0..2 {
                peripheral.must(0x041D, &[p_low, p_high]).await;
                assert_eq!(peripheral.event(0x0C).await, [0, p_low, p_high, 0x0D, 0xFF, 0xFF, 0, 0]);
                central.must(0x041D, &[c_low, c_high]).await;
                assert_eq!(central.event(0x0C).await[3], 0x0D);
            }
            // The central does not know the data length extension: nothing changes.
            peripheral.must(0x2022, &[p_low, p_high, 251, 0, 0x48, 8]).await;
            assert!(with_timeout(Duration::from_secs(5), peripheral.le_event(7)).await.is_err());
            peripheral.must(0x2032, &[p_low, p_high, 3, 0, 0, 0, 0]).await;
            assert_eq!(peripheral.le_event(0x0C).await, [0, p_low, p_high, 1, 1]);
            assert_eq!(peripheral.must(0x2030, &[p_low, p_high]).await, [p_low, p_high, 1, 1]);
            assert_eq!(peripheral.must(0x1405, &[p_low, p_high]).await.len(), 3);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_suggested_data_length_is_asked_for_at_each_connection() {
    let air = Air::new(15);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            central.start().await;
            peripheral.start().await;
            assert_eq!(peripheral.command(0x2024, &[26, 0, 0x48, 8]).await, [0x12]);
            peripheral.must(0x2024, &[100, 0, 0x48, 8]).await;
            reconnect(&central, &peripheral, 24, 400).await;
            assert_eq!(peripheral.le_event(7).await[2..], [100, 0, 0x48, 8, 27, 0, 0x48, 1]);
            assert_eq!(central.le_event(7).await[2..], [27, 0, 0x48, 1, 100, 0, 0x48, 8]);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_read_that_is_dropped_takes_no_packet() {
    let air = Air::new(16);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, _) = connect(&central, &peripheral, 24, 400).await;
            for number in 0..50 {
                let none =
                    with_timeout(Duration::from_micros(100), peripheral.controller.read_packet(&mut [0; 9]))
                        .await;
                assert!(none.is_err());
                central.send(there, &[number]);
                let (kind, bytes) = peripheral.any().await;
                assert_eq!((kind, bytes[4]), (PacketKind::AclData, number));
                Timer::after_millis(30).await;
                central.event(COMPLETED_PACKETS).await;
            }
        },
        &mut [],
    )
    .unwrap();
}
