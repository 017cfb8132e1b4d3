//! Advertising, scanning, initiating.

use crate::support::*;
use air::{Air, ControllerConfig};
use embassy_time::{Duration, Instant, Timer, with_timeout};

const DATA: [u8; 3] = [2, 1, 6];
const RESPONSE: [u8; 5] = [4, 9, b'a', b'i', b'r'];

async fn set_data(host: &Host) {
    for (opcode, data) in [(0x2008, &DATA[..]), (0x2009, &RESPONSE[..])] {
        let mut parameters = vec![data.len() as u8];
        parameters.extend(data);
        parameters.resize(32, 0);
        host.must(opcode, &parameters).await;
    }
}

async fn scan(host: &Host, active: u8, filter: u8, filter_duplicates: u8) {
    host.must(0x200B, &[active, 0x10, 0, 0x10, 0, 0, filter]).await;
    host.must(0x200C, &[1, filter_duplicates]).await;
}

/// What arrives within a time: kind and data of each report.
async fn reports(host: &Host, ms: u64) -> Vec<(u8, Vec<u8>)> {
    let end = Instant::now() + Duration::from_millis(ms);
    let mut reports = Vec::new();
    while let Ok(report) =
        with_timeout(end.saturating_duration_since(Instant::now()), host.le_event(ADVERTISING_REPORT)).await
    {
        let length = usize::from(report[9]);
        assert_eq!((report[0], report.len()), (1, 11 + length));
        reports.push((report[1], report[10..10 + length].to_vec()));
    }
    reports
}

#[test]
fn a_passive_scanner_sees_each_advertising_event() {
    let air = Air::new(1);
    let (scanner, advertiser) = pair(&air);
    let seen = air.run(
        async {
            scanner.start().await;
            advertiser.start().await;
            set_data(&advertiser).await;
            scan(&scanner, 0, 0, 0).await;
            advertiser.advertise().await;
            reports(&scanner, 10_000).await
        },
        &mut [],
    );
    let seen = seen.unwrap();
    // Each 100 ms and 0 to 10 ms, so 5 ms in the mean (Core Vol 6 Part B 4.4.2.2.1).
    assert!((91..=100).contains(&seen.len()), "{}", seen.len());
    assert!(seen.iter().all(|report| *report == (0, DATA.to_vec())));
}

#[test]
fn an_active_scanner_gets_the_scan_response_and_no_duplicates_if_it_wants() {
    let air = Air::new(2);
    let (scanner, advertiser) = pair(&air);
    let seen = air.run(
        async {
            scanner.start().await;
            advertiser.start().await;
            set_data(&advertiser).await;
            scan(&scanner, 1, 0, 1).await;
            advertiser.advertise().await;
            let first = reports(&scanner, 5_000).await;
            scanner.must(0x200C, &[1, 1]).await;
            let again = reports(&scanner, 5_000).await;
            scanner.must(0x200C, &[0, 0]).await;
            (first, again, reports(&scanner, 5_000).await)
        },
        &mut [],
    );
    let once = vec![(0, DATA.to_vec()), (4, RESPONSE.to_vec())];
    assert_eq!(seen.unwrap(), (once.clone(), once, vec![]));
}

#[test]
fn what_kinds_of_advertising_are_scannable() {
    for (kind, expected) in [(2, vec![2, 4]), (3, vec![3])] {
        let air = Air::new(3);
        let (scanner, advertiser) = pair(&air);
        let seen = air.run(
            async {
                scanner.start().await;
                advertiser.start().await;
                scan(&scanner, 1, 0, 1).await;
                advertiser.must(0x2006, &advertising_parameters(0x00A0, kind, 0)).await;
                advertiser.must(0x200A, &[1]).await;
                // Not connectable.
                scanner
                    .must(0x200D, &create_connection(advertiser.controller.public_address(), 24, 400))
                    .await;
                let seen = reports(&scanner, 5_000).await;
                scanner.must(0x200E, &[]).await;
                assert_eq!(scanner.le_event(CONNECTION_COMPLETE).await[0], 0x02);
                seen
            },
            &mut [],
        );
        let kinds: Vec<u8> = seen.unwrap().into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, expected);
    }
}

#[test]
fn filter_policies_hold_for_scanners_and_initiators() {
    let air = Air::new(4);
    let (scanner, advertiser) = pair(&air);
    air.run(
        async {
            scanner.start().await;
            advertiser.start().await;
            let (scanner_address, address) =
                (scanner.controller.public_address(), advertiser.controller.public_address());
            advertiser.must(0x2006, &advertising_parameters(0x00A0, 0, 3)).await;
            advertiser.must(0x200A, &[1]).await;
            scan(&scanner, 1, 1, 1).await;
            assert_eq!(reports(&scanner, 1_000).await, [], "the advertiser is not on the scanner's list");
            scanner.must(0x200C, &[0, 0]).await;
            scanner.must(0x2011, &[&[0][..], &address].concat()).await;
            scan(&scanner, 1, 1, 1).await;
            let seen = reports(&scanner, 1_000).await;
            assert_eq!(seen, [(0, vec![])], "the scanner is not on the advertiser's list");
            scanner.must(0x200D, &create_connection(address, 24, 400)).await;
            let wait = with_timeout(Duration::from_secs(2), scanner.le_event(CONNECTION_COMPLETE)).await;
            assert!(wait.is_err(), "nor is the initiator");
            advertiser.must(0x200A, &[0]).await;
            advertiser.must(0x2011, &[&[0][..], &scanner_address].concat()).await;
            advertiser.must(0x200A, &[1]).await;
            handle_of(&scanner.le_event(CONNECTION_COMPLETE).await);
            let seen: Vec<u8> = reports(&scanner, 1_000).await.into_iter().map(|(kind, _)| kind).collect();
            assert_eq!(seen, [4]);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_scan_window_of_half_the_interval_hears_about_half() {
    let air = Air::new(5);
    let (scanner, advertiser) = pair(&air);
    let seen = air.run(
        async {
            scanner.start().await;
            advertiser.start().await;
            scanner.must(0x200B, &[0, 0x60, 0, 0x30, 0, 0, 0]).await;
            scanner.must(0x200C, &[1, 0]).await;
            advertiser.must(0x2006, &advertising_parameters(0x0020, 3, 0)).await;
            advertiser.must(0x200A, &[1]).await;
            reports(&scanner, 50_000).await.len()
        },
        &mut [],
    );
    let seen = seen.unwrap();
    assert!((900..=1100).contains(&seen), "{seen} of about 2000");
}

#[test]
fn directed_advertising_is_for_one_initiator() {
    let air = Air::new(6);
    let (wanted, advertiser) = pair(&air);
    let other = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            for host in [&wanted, &other, &advertiser] {
                host.start().await;
            }
            let mut parameters = advertising_parameters(0x00A0, 4, 0);
            parameters[7..13].copy_from_slice(&wanted.controller.public_address());
            advertiser.must(0x2006, &parameters).await;
            advertiser.must(0x200A, &[1]).await;
            let create = create_connection(advertiser.controller.public_address(), 24, 400);
            other.must(0x200D, &create).await;
            scan(&other, 0, 0, 0).await;
            assert_eq!(reports(&other, 2_000).await, []);
            wanted.must(0x200D, &create).await;
            handle_of(&wanted.le_event(CONNECTION_COMPLETE).await);
            other.must(0x200E, &[]).await;
            assert_eq!(other.le_event(CONNECTION_COMPLETE).await[0], 0x02);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn high_duty_cycle_advertising_ends_after_1280_ms() {
    let air = Air::new(7);
    let advertiser = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            advertiser.start().await;
            advertiser.must(0x2006, &advertising_parameters(0, 1, 0)).await;
            let begin = Instant::now();
            advertiser.must(0x200A, &[1]).await;
            let complete = advertiser.le_event(CONNECTION_COMPLETE).await;
            assert_eq!((complete[0], complete.len(), begin.elapsed().as_micros()), (0x3C, 18, 1_280_000));
            advertiser.must(0x2006, &advertising_parameters(0x00A0, 0, 0)).await;
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_connection_can_be_cancelled_and_made_afterwards() {
    let air = Air::new(8);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            central.start().await;
            peripheral.start().await;
            let create = create_connection(peripheral.controller.public_address(), 24, 400);
            central.must(0x200D, &create).await;
            assert_eq!(central.command(0x200D, &create).await, [0x0C], "one at a time");
            Timer::after_secs(1).await;
            central.must(0x200E, &[]).await;
            // Core Vol 4 Part E 7.8.13.
            assert_eq!(central.le_event(CONNECTION_COMPLETE).await[0], 0x02);
            assert_eq!(central.command(0x200E, &[]).await, [0x0C]);
            peripheral.advertise().await;
            let wait = with_timeout(Duration::from_secs(2), peripheral.le_event(CONNECTION_COMPLETE)).await;
            assert!(wait.is_err(), "nobody initiates any more");
            central.must(0x200D, &create).await;
            let (at_central, at_peripheral) =
                (central.le_event(CONNECTION_COMPLETE).await, peripheral.le_event(CONNECTION_COMPLETE).await);
            // Role, peer's address type and address, interval, latency, timeout.
            assert_eq!(at_central[3..5], [0, 0]);
            assert_eq!(at_central[5..11], peripheral.controller.public_address());
            assert_eq!(at_central[11..17], [24, 0, 0, 0, 0x90, 1]);
            assert_eq!(at_peripheral[3..5], [1, 0]);
            assert_eq!(at_peripheral[5..11], central.controller.public_address());
            assert_eq!(at_peripheral[11..17], at_central[11..17]);
            assert_eq!(central.command(0x200D, &create).await, [0x0B], "there is one already");
            peripheral.must(0x2006, &advertising_parameters(0x00A0, 0, 0)).await;
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn nothing_is_heard_out_of_reach() {
    let air = Air::new(9);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            central.start().await;
            peripheral.start().await;
            air.set_loss(1000);
            peripheral.advertise().await;
            central.must(0x200D, &create_connection(peripheral.controller.public_address(), 24, 400)).await;
            scan(&central, 1, 0, 0).await;
            assert_eq!(reports(&central, 10_000).await, []);
            air.set_loss(0);
            handle_of(&central.le_event(CONNECTION_COMPLETE).await);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn a_peripheral_holds_several_links_and_no_more_than_it_can() {
    let air = Air::new(10);
    let peripheral = Host::new(&air, ControllerConfig::default());
    let centrals: Vec<Host> = (0..8).map(|_| Host::new(&air, ControllerConfig::default())).collect();
    air.run(
        async {
            peripheral.start().await;
            let mut handles = Vec::new();
            for central in &centrals {
                central.start().await;
                handles.push(reconnect(central, &peripheral, 24, 400).await);
            }
            assert_eq!(peripheral.command(0x200A, &[1]).await, [0x09]);
            for (index, (central, (there, here))) in centrals.iter().zip(&handles).enumerate() {
                central.send(*there, &[index as u8]);
                assert_eq!(peripheral.data().await, (here | 0x2000, vec![index as u8]));
                peripheral.send(*here, &[index as u8, 1]);
                assert_eq!(central.data().await, (there | 0x2000, vec![index as u8, 1]));
            }
        },
        &mut [],
    )
    .unwrap();
    peripheral.no_errors();
}
