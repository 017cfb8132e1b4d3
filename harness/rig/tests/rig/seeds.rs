//! The trace says nothing of how long anything took: under any seed, with any loss on the radio, it
//! is the same.

use conformance::report::RunEvent;
use conformance::{parse, plan};
use rig::run::{Job, Options, run};

/// Pushes, confirmations, handlers and reconnections, all of which take their time.
const SCENARIO: &str = r#"
name: everything that could come in another order
covers: [VAL-6]
device:
  services:
    - name: srv
      uuid: 0xA000
      characteristics:
        - name: first
          uuid: 0xA001
          properties: [read, write, notify]
          callback:
            on: [read, write, subscribe]
            rules:
              - {when: {event: write}, do: [log: "written {value}", set: {char: second, value: 1}, set: {char: second, value: 2}]}
              - {when: {event: read}, do: [log: "read {counter}", reply: counter]}
        - name: second
          uuid: 0xA002
          properties: [read, write, write-without-response, indicate]
          max_len: 300
steps:
  - connect
  - mtu: {size: 100}
  - subscribe: {char: first, to: notifications}
  - subscribe: {char: second, to: indications}
  - write: {char: first, value: "go"}
  - board: {set: second, value: 3}
  - board: {set: first, value: "note"}
  - read: first
  - expect_indication: {char: second, value: 1}
  - expect_indication: {char: second, value: 2}
  - expect_indication: {char: second, value: 3}
  - expect_notification: {char: first, value: "note"}
  - quiet: 100ms
  - write_command: {char: second, value: "command"}
  - read_long: second
  - discover
  - board: disconnect_client
  - connect
  - read: first
  - disconnect
  - restart
  - connect
  - read: first
  - disconnect
"#;

#[test]
fn the_trace_is_the_same_under_every_seed_and_any_loss() {
    let scenario = parse::parse("seeds.yaml", "seeds", SCENARIO).unwrap();
    let job = Job { plan: plan::plan(&scenario), scenario, expected: None };
    let mut first: Option<String> = None;
    let mut times = std::collections::BTreeSet::new();
    for seed in 0..200 {
        // Up to every third packet is lost.
        let loss_per_mille = (seed % 4) as u16 * 100;
        let options = Options { seed, loss_per_mille, ..Options::default() };
        run(std::slice::from_ref(&job), &options, &mut |event| {
            let RunEvent::Finished(outcome) = event else { return };
            let expected = first.get_or_insert_with(|| outcome.trace.clone());
            assert_eq!(&outcome.trace, expected, "seed {seed}: {:?}", outcome.verdict);
            times.insert(outcome.bench_us);
        });
    }
    let trace = first.unwrap();
    assert!(trace.ends_with("  disconnected\n"), "{trace}");
    assert!(times.len() > 100, "the seeds drive nothing: {} different times", times.len());
}

#[test]
fn the_same_seed_gives_the_same_packets_whatever_runs_beside() {
    let scenario = parse::parse("seeds.yaml", "seeds", SCENARIO).unwrap();
    let job = Job { plan: plan::plan(&scenario), scenario, expected: None };
    let packets = |jobs: &[Job], threads, seed| {
        let options = Options { seed, jobs: threads, capture: true, ..Options::default() };
        let (_, captures) = run(jobs, &options, &mut |_| {});
        let mut bytes = Vec::new();
        rig::write_btsnoop(&mut bytes, &captures).unwrap();
        bytes
    };
    let many = vec![job; 6];
    assert_eq!(packets(&many, 1, 7), packets(&many, 3, 7));
    assert_ne!(packets(&many, 1, 7), packets(&many, 1, 8));
}
