//! What each form of the language means.

#![expect(clippy::panic, reason = "helpers of tests may fail like tests")]

use conformance::lopy;
use conformance::parse::parse;
use conformance::plan::{self, plan};
use conformance::scenario::{
    Access, Action, ApiValue, BoardAction, Builtin, CharacteristicRef, ClientValue, DescriptorRef,
    EventSource, Expect, Length, Need, Place, Push, Rule, RuleAction, Scenario, Step, Uuid, WriteMode,
};

const EVERY_FORM: &str = include_str!("every_form.yaml");
const CHR1: CharacteristicRef = CharacteristicRef { service: 1, characteristic: 0 };
const CHR2: CharacteristicRef = CharacteristicRef { service: 1, characteristic: 1 };
const CHR3: CharacteristicRef = CharacteristicRef { service: 1, characteristic: 2 };

fn read(text: &str) -> Scenario {
    parse("scenarios/x.yaml", "x", text).unwrap_or_else(|mistakes| {
        let shown: Vec<String> = mistakes.iter().map(|it| it.render("x.yaml", text, false)).collect();
        panic!("{}", shown.join("\n"))
    })
}

fn bytes(bytes: &[u8]) -> ClientValue {
    ClientValue::Bytes(bytes.to_vec())
}

/// The steps of a scenario against the built-in device.
fn steps(lines: &str) -> Vec<Step> {
    read(&format!("name: a\ncovers: [EX-1]\ndevice: lopy\nsteps:\n{lines}")).steps
}

fn actions(lines: &str) -> Vec<Action> {
    steps(lines).into_iter().map(|step| step.action).collect()
}

#[test]
fn the_head_of_a_file() {
    let scenario = read(EVERY_FORM);
    assert_eq!(scenario.file, "scenarios/x.yaml");
    assert_eq!(scenario.id, "x");
    assert_eq!(scenario.name, "every form of the language");
    assert_eq!(scenario.covers, ["EX-2", "CB-4", "GATT/SR/GAR/BV-01-C"]);
    assert_eq!(scenario.tags, ["smoke", "all-forms"]);
    assert_eq!(scenario.needs, [Need::RawAtt]);
    assert_eq!(scenario.device.name, "Lamp");
    assert_eq!((scenario.device.appearance, scenario.device.writable_name), (0x0340, true));
    assert_eq!(scenario.device.builtin, None);
}

#[test]
fn services_of_a_table() {
    let device = read(EVERY_FORM).device;
    let [base, srv1, gatt, extra] = device.services.as_slice() else { panic!("four services") };
    assert!(device.caching && gatt.system && !gatt.added, "the board makes it by itself");
    let names: Vec<&str> = gatt.characteristics.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["service_changed", "client_features", "database_hash"]);
    assert_eq!(
        (extra.name.as_str(), extra.added, srv1.added),
        ("extra", true, false),
        "one is added by a step"
    );
    assert_eq!((base.name.as_str(), base.primary, base.handle), ("base", false, Some(0x20)));
    assert_eq!(
        base.uuid,
        Uuid(vec![0xFB, 0x34, 0x9B, 0x5F, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0, 0x45, 0x23, 0x01, 0]),
        "32 bits go on the Bluetooth base"
    );
    assert_eq!((srv1.name.as_str(), srv1.primary, srv1.handle), ("srv1", true, None));
    assert_eq!(srv1.uuid, Uuid(vec![0xD2, 0x04]));
    assert_eq!(srv1.includes, [0]);
}

#[test]
fn characteristics_of_a_table() {
    let device = read(EVERY_FORM).device;
    let chr1 = device.characteristic(CHR1).expect("chr1");
    assert_eq!((chr1.properties, chr1.handle, chr1.length), (0x7E, Some(0x30), Length::UpTo(20)));
    assert_eq!((chr1.read, chr1.write, chr1.subscribe), (Access::Open, Access::Open, Access::Encrypted(7)));
    assert_eq!((&chr1.value, chr1.cccd_handle), (&ApiValue::Int(5), Some(0x38)));
    let [d1, d2] = chr1.descriptors.as_slice() else { panic!("two descriptors") };
    assert_eq!(
        (d2.length, d2.value.as_slice(), d2.handle),
        (Length::Fixed(2), [0, 0].as_slice(), Some(0x40))
    );
    assert_eq!(
        (d1.name.as_str(), d1.value.as_slice(), d1.length),
        ("d1", b"text".as_slice(), Length::UpTo(64))
    );
    assert_eq!((d1.read, d1.write), (Access::Open, Access::Open));

    let chr2 = device.characteristic(CHR2).expect("chr2");
    assert_eq!(chr2.uuid, Uuid(b"1234567890123456".to_vec()));
    assert_eq!((chr2.read, chr2.write, chr2.length), (Access::Open, Access::Authorised, Length::ANY));
    assert_eq!(chr2.value, ApiValue::Int(0), "SRV-2: one zero byte");

    let chr3 = device.characteristic(CHR3).expect("chr3");
    assert_eq!(chr3.uuid, chr2.uuid, "the canonical text of the same bytes");
    assert_eq!((chr3.properties, chr3.read, chr3.write), (0x81, Access::Never, Access::Encrypted(16)));
    assert_eq!((chr3.length, chr3.subscribe, chr3.cccd_handle), (Length::Fixed(3), Access::Open, None));
    assert_eq!(chr3.value, ApiValue::Bytes(vec![1, 0xFF, 3]));
}

#[test]
fn callbacks_of_a_table() {
    let device = read(EVERY_FORM).device;
    let callback = device.characteristic(CHR1).and_then(|it| it.callback.clone()).expect("a callback");
    assert_eq!((callback.on, callback.counter, callback.arg.as_deref()), (0x18, -1, Some("hello")));
    let log = RuleAction::Log("Read {value} {counter} {arg} {events} { } {}".to_owned());
    let expected = [
        Rule {
            event: Some(0x08),
            counter_min: Some(3),
            counter_max: Some(3),
            value: None,
            actions: vec![log, RuleAction::Reply(ApiValue::Text("ABC DEF".to_owned()))],
        },
        Rule {
            event: None,
            counter_min: Some(4),
            counter_max: Some(9),
            value: Some(vec![0x0A, 0xFF]),
            actions: vec![RuleAction::ReplyCounter],
        },
        Rule {
            counter_max: Some(2),
            actions: vec![RuleAction::Reply(ApiValue::Text("counter".to_owned()))],
            ..Rule::default()
        },
        Rule {
            value: Some(vec![9]),
            actions: vec![
                RuleAction::Reject(0x80),
                RuleAction::Set { target: CHR2, value: ApiValue::Int(7) },
            ],
            ..Rule::default()
        },
        Rule {
            actions: vec![RuleAction::Notify(CHR2), RuleAction::Delay { ms: 50 }, RuleAction::Disconnect],
            ..Rule::default()
        },
    ];
    assert_eq!(callback.rules, expected);
}

#[test]
fn a_table_has_the_defaults_of_the_api() {
    let device = read(
        "name: a\ncovers: [EX-1]\ndevice: {services: [{name: s, uuid: 1, characteristics: [{name: c, uuid: 2}]}]}\n\
         steps: [connect]\n",
    )
    .device;
    assert_eq!(device.name, "gattest");
    let chr = device.characteristic(CharacteristicRef { service: 0, characteristic: 0 }).expect("c");
    assert_eq!((chr.properties, chr.read, chr.write), (0x1A, Access::Open, Access::Open));
}

#[test]
fn steps_of_the_client() {
    let scenario = read(EVERY_FORM);
    let actions: Vec<&Action> = scenario.steps.iter().map(|step| &step.action).collect();
    let read = |expect| Action::Read { target: CHR1, expect };
    let write = |value: &[u8], expect| Action::Write {
        target: CHR1,
        value: bytes(value),
        mode: WriteMode::Request,
        expect,
    };
    let expected = [
        Action::Connect,
        Action::Discover,
        Action::Mtu { size: 100, expect: Some(100) },
        read(Expect::Success),
        read(Expect::Value(bytes(&[5]))),
        read(Expect::Error(2)),
        read(Expect::Error(2)),
        Action::ReadDescriptor {
            target: CHR1,
            descriptor: DescriptorRef::Cccd,
            expect: Expect::Value(bytes(&[0, 0])),
        },
        Action::ReadLong { target: CHR1, expect: Expect::Value(bytes(b"ABC DEF")) },
        write(b"hello", Expect::Success),
        write(&[0x0A, 0xFF], Expect::Success),
        write(&[0x00, 0x01, 0x11, 0x70], Expect::Error(3)),
        Action::WriteDescriptor {
            target: CHR1,
            descriptor: DescriptorRef::Named(0),
            value: bytes(b"hello"),
            expect: Expect::Success,
        },
        Action::Write {
            target: CHR1,
            value: bytes(b"a text of more than twenty bytes"),
            mode: WriteMode::Command,
            expect: Expect::Success,
        },
        Action::Subscribe { target: CHR1, bits: 1, confirm: true, expect: Expect::Success },
        Action::Subscribe { target: CHR2, bits: 2, confirm: true, expect: Expect::Success },
        Action::Subscribe { target: CHR3, bits: 3, confirm: true, expect: Expect::Error(0x0A) },
        Action::Subscribe { target: CHR1, bits: 0, confirm: true, expect: Expect::Success },
        Action::Expect { push: Push::Notification, target: CHR1, value: Some(bytes(&[5])) },
        Action::Expect { push: Push::Indication, target: CHR2, value: None },
        Action::Quiet { ms: 1_000 },
        Action::Quiet { ms: 30_000 },
        Action::Att { send: vec![0x0A, 0xFF, 0xFF], expect: Some(vec![0x01, 0x0A, 0xFF, 0xFF, 0x01]) },
        Action::Att { send: vec![0x52, 0xFF, 0xFF], expect: None },
    ];
    for (index, expected) in expected.iter().enumerate() {
        assert_eq!(actions.get(index), Some(&expected), "step {index}");
    }
}

#[test]
fn steps_of_the_board() {
    let scenario = read(EVERY_FORM);
    let board: Vec<&BoardAction> = scenario
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Board(action) => Some(action),
            _ => None,
        })
        .collect();
    let events = |of, expect| BoardAction::Events { of, expect: Some(expect) };
    let set = |number, refused| BoardAction::Set { target: CHR1, value: ApiValue::Int(number), refused };
    let chr1 = EventSource::Characteristic(CHR1);
    assert_eq!(*board[0], events(chr1, 0x18));
    assert_eq!(*board[1], events(chr1, 0));
    assert_eq!(*board[2], events(EventSource::Bluetooth, 0x02));
    assert_eq!(*board[3], BoardAction::Value { target: CHR1, expect: Some(bytes(&[5])) });
    assert_eq!(*board[4], set(7, false));
    assert_eq!(*board[5], set(-1, true));
    let BoardAction::Callback { target: CHR1, callback: Some(callback) } = board[6] else {
        panic!("{:?}", board[6])
    };
    assert_eq!((callback.on, callback.counter, callback.arg.as_deref()), (0x08, 2, Some("x")));
    assert_eq!(callback.rules[0].actions, [RuleAction::Reply(ApiValue::Int(1))]);
    let BoardAction::Callback { callback: Some(untriggered), .. } = board[7] else {
        panic!("{:?}", board[7])
    };
    assert_eq!(untriggered.on, 0, "CB-7: no trigger");
    assert_eq!(*board[8], BoardAction::Callback { target: CHR1, callback: None });
    assert_eq!(*board[9], BoardAction::Advertise { on: true });
    assert_eq!(*board[10], BoardAction::DisconnectClient);
}

#[test]
fn each_step_has_a_place_and_a_label() {
    let scenario = read(EVERY_FORM);
    let listed: Vec<String> = scenario
        .steps
        .iter()
        .map(|step| format!("{}:{} {}", step.place.line, step.place.column, step.label))
        .collect();
    insta::assert_snapshot!(listed.join("\n"));
    let block = steps("  - connect\n  -   write:\n        char: chr1\n        value: \"hello\"\n");
    assert_eq!(block[1].place, Place { line: 6, column: 7 });
    assert_eq!(block[1].label, "write chr1 \"hello\"");
}

#[test]
fn values_are_integers_texts_or_bytes() {
    let written =
        |value: &str| match &actions(&format!("  - connect\n  - write: {{char: chr1, value: {value}}}\n"))[1]
        {
            Action::Write { value: ClientValue::Bytes(bytes), .. } => bytes.clone(),
            other => panic!("{other:?}"),
        };
    assert_eq!(written("0"), [0x00]);
    assert_eq!(written("0x1234"), [0x12, 0x34]);
    assert_eq!(written("4294967295"), [0xFF; 4]);
    assert_eq!(written("\"5\""), b"5");
    assert_eq!(written("plain text"), b"plain text");
    assert_eq!(written("\"é\\n\""), "é\n".as_bytes());
    assert_eq!(written("\"\""), b"");
    assert_eq!(written("[]"), b"");
    assert_eq!(written("{hex: \"\"}"), b"");
    assert_eq!(written("{hex: \"0a FF\"}"), [0x0A, 0xFF]);
    assert_eq!(written("{hex: 10 20}"), [0x10, 0x20], "digits without quotes are hex too");
}

#[test]
fn a_reply_may_be_longer_than_the_value_and_nothing_else_may() {
    let text = |callback: &str| {
        format!(
            "name: a\ncovers: [EX-1]\ndevice:\n  services:\n    - name: s\n      uuid: 1\n      characteristics:\n        \
             - {{name: c, uuid: 2, max_len: 4{callback}}}\nsteps:\n  - connect\n  - read: {{char: c, expect: \"hello\"}}\n"
        )
    };
    assert!(parse("x", "x", &text("")).is_err());
    assert!(parse("x", "x", &text(", callback: {on: [read]}")).is_ok());
    let later = text("").replace("  - read", "  - board: {callback: c, on: [read]}\n  - read");
    assert!(parse("x", "x", &later).is_ok());
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_mistake() {
    let text = EVERY_FORM.replace('\n', "\r\n");
    assert_eq!(read(&format!("\u{feff}{text}")).steps, read(EVERY_FORM).steps);
}

#[test]
fn the_built_in_device_is_the_table_of_the_requirements() {
    let device = lopy::device().expect("the built-in table has no mistake");
    assert_eq!(device.builtin, Some(Builtin::Lopy));
    assert_eq!(device.name, "LoPy");
    let [srv1, srv2] = device.services.as_slice() else { panic!("two services") };
    assert_eq!((srv1.name.as_str(), &srv1.uuid), ("srv1", &Uuid(b"1234567890123456".to_vec())));
    assert_eq!((srv2.name.as_str(), &srv2.uuid), ("srv2", &Uuid(1234u16.to_le_bytes().to_vec())));
    let [chr1] = srv1.characteristics.as_slice() else { panic!("one characteristic") };
    let [chr2] = srv2.characteristics.as_slice() else { panic!("one characteristic") };
    assert_eq!((chr1.name.as_str(), &chr1.uuid), ("chr1", &Uuid(b"ab34567890123456".to_vec())));
    assert_eq!((chr2.name.as_str(), &chr2.uuid), ("chr2", &Uuid(4567u16.to_le_bytes().to_vec())));
    assert_eq!((&chr1.value, &chr2.value), (&ApiValue::Int(5), &ApiValue::Int(0x1234)));
    assert_eq!((chr1.properties, chr2.properties), (0x1A, 0x1A));
    let triggers = |callback: &Option<conformance::scenario::Callback>| callback.as_ref().map(|it| it.on);
    assert_eq!((triggers(&chr1.callback), triggers(&chr2.callback)), (Some(0x18), Some(0x08)));
}

#[test]
fn a_plan_has_the_scenarios_steps_and_a_deadline_for_each() {
    let scenario = read(EVERY_FORM);
    let plan = plan(&scenario);
    assert_eq!(plan.id, scenario.id);
    assert_eq!(plan.device, scenario.device);
    assert!(plan.steps.iter().map(|planned| &planned.step).eq(&scenario.steps));
    for planned in &plan.steps {
        let own_wait = match &planned.step.action {
            Action::Quiet { ms } => *ms,
            Action::Read { .. } | Action::Write { .. } => plan::ATT_TRANSACTION_MS,
            Action::Expect { .. } => plan::PUSH_WINDOW_MS,
            Action::Att { expect: None, .. } => plan::SILENCE_WINDOW_MS,
            Action::ExpectAdvertisement(expect) if expect.present => plan::ADVERTISEMENT_WINDOW_MS,
            Action::ExpectAdvertisement(_) => plan::ABSENCE_WINDOW_MS,
            _ => 0,
        };
        assert!(planned.deadline_ms > own_wait, "{}: {} ms", planned.step.label, planned.deadline_ms);
    }
}

#[test]
fn steps_imply_what_the_bench_must_be_able_to_do() {
    let needs = |lines: &str| {
        plan(&read(&format!("name: a\ncovers: [EX-1]\ndevice: lopy\nsteps:\n  - connect\n{lines}"))).needs
    };
    assert_eq!(needs("  - read: chr1\n  - subscribe: chr1\n  - quiet: 1s\n"), []);
    assert_eq!(needs("  - read: {char: chr1, error: 0x02}\n"), []);
    assert_eq!(needs("  - att: {send: \"52\", expect: nothing}\n"), [Need::RawAtt]);
    assert_eq!(needs("  - board: {value: chr1}\n"), [Need::Board]);
    assert_eq!(needs("  - restart\n"), [Need::Board]);
    assert_eq!(needs("  - bond: {level: authenticated}\n"), [Need::Board, Need::Encryption]);
    assert_eq!(plan(&read(EVERY_FORM)).needs, [Need::RawAtt, Need::Board, Need::Encryption, Need::Pairing]);
}

/// Run with `cargo test --release -p conformance -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn parse_and_plan_take_less_than_a_tenth_of_a_millisecond() {
    let small = "name: chr1 answers ABC DEF from the third callback on\ncovers: [EX-2, CB-4, CB-8]\ndevice: lopy\n\
                 steps:\n  - connect\n  - read: {char: chr1, expect: 5}\n  - read: {char: chr1, expect: 5}\n  \
                 - read: {char: chr1, expect: \"ABC DEF\"}\n  - write: {char: chr1, value: \"hello\"}\n  - disconnect\n";
    for (what, text) in [("small", small), ("every form", EVERY_FORM)] {
        const ROUNDS: u32 = 2_000;
        let started = std::time::Instant::now();
        for _ in 0..ROUNDS {
            assert!(!plan(&read(text)).steps.is_empty());
        }
        println!("{what}: {:?} a file", started.elapsed() / ROUNDS);
    }
}
