//! Loss by pair and direction, and rules.

use std::cell::RefCell;
use std::rc::Rc;

use crate::support::*;
use air::{Air, Carried, ControllerConfig, Fate};
use embassy_time::{Duration, Instant, Timer, with_timeout};

#[test]
fn loss_in_one_direction_leaves_the_other_alone() {
    let air = Air::new(31);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            central.send(there, &[0]);
            peripheral.data().await;
            Timer::after_millis(100).await;
            air.set_loss_between(&peripheral.controller, &central.controller, 1000);
            central.send(there, &[1]);
            peripheral.send(here, &[2]);
            assert_eq!(peripheral.data().await.1, [1]);
            // The central hears nobody, and gives up first; the peripheral then hears nobody either.
            let begin = Instant::now();
            assert_eq!(reason(&central).await, 0x08);
            assert!(begin.elapsed() < Duration::from_millis(4_000));
            assert_eq!(reason(&peripheral).await, 0x08);
            assert!(begin.elapsed() > Duration::from_millis(7_900));
            assert!(with_timeout(Duration::from_secs(1), central.data()).await.is_err());
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn loss_between_two_leaves_a_third_alone_and_one_rate_for_all_ends_it() {
    let air = Air::new(32);
    let (central, near) = pair(&air);
    let far = Host::new(&air, ControllerConfig::default());
    air.run(
        async {
            let (to_near, _) = connect(&central, &near, 24, 100).await;
            far.start().await;
            let (to_far, _) = reconnect(&central, &far, 24, 100).await;
            central.send(to_far, &[1]);
            far.data().await;
            air.set_loss_between(&central.controller, &far.controller, 1000);
            air.set_loss_between(&far.controller, &central.controller, 1000);
            assert_eq!(reason(&far).await, 0x08);
            let [.., low, high, _] = central.event(DISCONNECTION_COMPLETE).await[..] else {
                unreachable!("four bytes")
            };
            assert_eq!(u16::from_le_bytes([low, high]), to_far);
            central.send(to_near, &[1]);
            assert_eq!(near.data().await.1, [1]);
            // Out of reach it cannot be found, and in reach it can.
            far.advertise().await;
            central.must(0x200D, &create_connection(far.controller.public_address(), 24, 100)).await;
            let found = with_timeout(Duration::from_secs(20), central.le_event(CONNECTION_COMPLETE)).await;
            assert!(found.is_err());
            air.set_loss(0);
            assert_eq!(handle_of(&central.le_event(CONNECTION_COMPLETE).await), to_far);
        },
        &mut [],
    )
    .unwrap();
}

#[test]
fn out_of_range_for_a_while_costs_time_and_no_data() {
    let air = Air::new(33);
    let (central, peripheral) = pair(&air);
    air.run(
        async {
            let (there, here) = connect(&central, &peripheral, 24, 400).await;
            central.send(there, &[0]);
            peripheral.data().await;
            for round in 0..20 {
                air.set_loss(1000);
                central.send(there, &[round]);
                peripheral.send(here, &[round]);
                Timer::after_millis(3_000).await;
                air.set_loss(0);
                assert_eq!(peripheral.data().await.1, [round]);
                assert_eq!(central.data().await.1, [round]);
            }
        },
        &mut [],
    )
    .unwrap();
    central.no_errors();
}

#[test]
fn a_rule_decides_about_single_transmissions() {
    let air = Air::new(34);
    let (central, peripheral) = pair(&air);
    let seen = Rc::new(RefCell::new(Vec::new()));
    air.run(
        async {
            let (there, _) = connect(&central, &peripheral, 24, 400).await;
            central.send(there, &[0]);
            peripheral.data().await;
            let sent = Instant::now();
            let log = seen.clone();
            let mut left = 3;
            let (from, to) = (central.controller.index(), peripheral.controller.index());
            air.set_fault(move |transmission| {
                log.borrow_mut().push(transmission);
                if transmission.from != from || left == 0 {
                    return Fate::Pass;
                }
                left -= 1;
                Fate::Drop
            });
            central.send(there, &[1]);
            assert_eq!(peripheral.data().await.1, [1]);
            assert_eq!(sent.elapsed().as_micros(), 4 * 30_000, "three events went by");
            let seen = seen.borrow();
            assert!(seen.is_sorted_by_key(|transmission| transmission.at_us));
            assert!(seen.iter().all(|it| (it.from, it.to) == (from, to) || (it.from, it.to) == (to, from)));
            assert!(seen.iter().all(|it| matches!(it.carried, Carried::ConnectionEvent(_))));
            // A lost packet of the central leaves its event without an answer.
            assert_eq!(seen.iter().filter(|it| it.from == to).count(), 1);
        },
        &mut [],
    )
    .unwrap();
    air.clear_fault();
    let before = seen.borrow().len();
    air.run(Timer::after(Duration::from_secs(10)), &mut []).unwrap();
    assert_eq!(seen.borrow().len(), before, "the rule is gone");
}

#[test]
fn a_rule_can_hide_scan_responses_alone() {
    let air = Air::new(35);
    let (scanner, advertiser) = pair(&air);
    air.set_fault(|transmission| match transmission.carried {
        Carried::ScanResponse => Fate::Drop,
        _ => Fate::Pass,
    });
    air.run(
        async {
            scanner.start().await;
            advertiser.start().await;
            advertiser.advertise().await;
            scanner.must(0x200B, &[1, 0x10, 0, 0x10, 0, 0, 0]).await;
            scanner.must(0x200C, &[1, 0]).await;
            for _ in 0..20 {
                assert_eq!(scanner.le_event(ADVERTISING_REPORT).await[1], 0);
            }
            air.clear_fault();
            while scanner.le_event(ADVERTISING_REPORT).await[1] != 4 {}
        },
        &mut [],
    )
    .unwrap();
}
