//! EVT-6: no event between reading and clearing is lost.

use gatts::{Bluetooth, CharacteristicConfig, Config, ConnId, Events, Security, ServiceConfig, Uuid};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

const CLIENT: ConnId = ConnId(1);

/// Something that the client or the application does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Read,
    Write,
    /// The application calls `events()` outside of any handler.
    Events,
    /// From now on the handler calls `events()` itself so many times at each call.
    HandlerAsks(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Read), Just(Step::Write), Just(Step::Events), (0u8..3).prop_map(Step::HandlerAsks)]
}

proptest! {
    /// Each event is in exactly the first answer of `events()` that is given after it, whoever asks: the
    /// handler that runs for it, a later handler, or the application.
    #[test]
    fn no_event_between_reading_and_clearing_is_lost(steps in prop::collection::vec(step(), 0..60)) {
        let bluetooth = Bluetooth::new(Config::default());
        let service = bluetooth.service(ServiceConfig::new(Uuid::from_int(0xA000).unwrap())).unwrap();
        let chr = service.characteristic(CharacteristicConfig::new(Uuid::from_int(0xA001).unwrap())).unwrap();
        let answers: Rc<RefCell<Vec<Events>>> = Rc::default();
        let asks = Rc::new(std::cell::Cell::new(0));
        let (heard, times) = (answers.clone(), asks.clone());
        chr.callback(Events::CHAR_READ_EVENT | Events::CHAR_WRITE_EVENT, move |chr, _| {
            (0..times.get()).for_each(|_| heard.borrow_mut().push(chr.events()));
        });
        let server = bluetooth.server();
        prop_assert!(server.connected(CLIENT, Security::default()));
        let [low, high] = chr.value_handle().to_le_bytes();

        let (mut pending, mut expected) = (Events::empty(), Vec::new());
        let mut out = [0; 23];
        for step in steps {
            let event = match step {
                Step::Read => {
                    server.receive(CLIENT, &[0x0A, low, high], &mut out);
                    Events::CHAR_READ_EVENT
                }
                Step::Write => {
                    server.receive(CLIENT, &[0x12, low, high, 7], &mut out);
                    Events::CHAR_WRITE_EVENT
                }
                Step::Events => {
                    answers.borrow_mut().push(chr.events());
                    expected.push(std::mem::take(&mut pending));
                    continue;
                }
                Step::HandlerAsks(count) => {
                    asks.set(count);
                    continue;
                }
            };
            pending |= event;
            expected.extend((0..asks.get()).map(|_| std::mem::take(&mut pending)));
        }
        answers.borrow_mut().push(chr.events());
        expected.push(pending);
        prop_assert_eq!(&*answers.borrow(), &expected);
    }
}
