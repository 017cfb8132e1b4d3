//! A frame of the control link that is lost or damaged makes a run inconclusive, whichever it is:
//! it never passes and never fails.

use conformance::verdict::Verdict;
use conformance::{parse, plan};
use rig::line::LinkFault;
use rig::run::{Job, Options, run};

/// Every kind of step that the control link takes part in.
const SCENARIO: &str = r#"
name: the example, from connection to disconnection
covers: [EX-2]
device: lopy
steps:
  - connect
  - read: chr1
  - write: {char: chr1, value: "hello"}
  - write_command: {char: chr1, value: "hello"}
  - board: {events: chr2, expect: []}
  - board: {set: chr2, value: 7}
  - board: {value: chr2, expect: 7}
  - disconnect
"#;

fn verdict(expected: Option<String>, fault: Option<LinkFault>) -> (Verdict, String) {
    let scenario = parse::parse("faults.yaml", "faults", SCENARIO).unwrap();
    let plan = plan::plan(&scenario);
    let mut outcomes = Vec::new();
    let options = Options { fault, ..Options::default() };
    run(&[Job { scenario, plan, expected }], &options, &mut |event| {
        if let conformance::report::RunEvent::Finished(outcome) = event {
            outcomes.push((outcome.verdict, outcome.trace));
        }
    });
    outcomes.remove(0)
}

#[test]
fn no_frame_can_be_lost_or_damaged_unnoticed() {
    let (_, trace) = verdict(None, None);
    assert_eq!(verdict(Some(trace.clone()), None).0, Verdict::Pass);
    for fault in [LinkFault::Drop as fn(u32) -> LinkFault, LinkFault::Corrupt] {
        let mut frames = 0;
        // Beyond the last frame the run passes; a bound keeps a harness that never notices from
        // running for ever.
        for n in 0..1000 {
            match verdict(Some(trace.clone()), Some(fault(n))).0 {
                Verdict::Inconclusive(_) => frames += 1,
                Verdict::Pass => break,
                other => panic!("{:?} gave {other:?}", fault(n)),
            }
        }
        // Hello, Start, discovery's PDUs, events and answers: some dozens.
        assert!((40..900).contains(&frames), "{frames} frames");
        for n in frames..frames + 10 {
            assert_eq!(verdict(Some(trace.clone()), Some(fault(n))).0, Verdict::Pass, "after the last frame");
        }
    }
}
