//! Results as JUnit XML.

use std::fs;

use crate::calls::{GOOD, folder, gattest, shown};
use crate::junit_schema::violations;
use conformance::report::{Outcome, RunEvent, Summary};
use conformance::scenario::Place;
use conformance::verdict::{DiffLine, Mismatch, RigFault, Verdict};
use gattest::report::{JunitReport, Reporter as _};

fn outcome(id: &str, verdict: Verdict) -> Outcome {
    Outcome {
        id: id.to_owned(),
        name: "it answers".to_owned(),
        file: format!("scenarios/{id}.yaml"),
        verdict,
        trace: "connect\n  connected\n".to_owned(),
        console: String::new(),
        wall_us: 1_499,
        bench_us: 1,
    }
}

fn document(outcomes: Vec<Outcome>) -> String {
    let mut report = JunitReport::default();
    report.event(&RunEvent::Started { total: outcomes.len(), seed: 1 });
    for outcome in outcomes {
        report.event(&RunEvent::Finished(outcome));
    }
    report.event(&RunEvent::Ended(Summary { wall_us: 61_234_567, ..Summary::default() }));
    let mut xml = Vec::new();
    report.write(&mut xml).expect("a document");
    String::from_utf8(xml).expect("UTF-8")
}

fn mismatch(summary: &str, line: &str) -> Verdict {
    Verdict::Fail(Mismatch {
        step: 0,
        place: Place { line: 6, column: 5 },
        summary: summary.to_owned(),
        diff: vec![DiffLine::Same("connect".to_owned()), DiffLine::Extra(line.to_owned())],
        missing_trace: false,
    })
}

fn all_verdicts() -> Vec<Outcome> {
    let fault =
        RigFault { step: None, cause: "the board is silent".to_owned(), cure: "plug it in".to_owned() };
    vec![
        outcome("lopy/a", Verdict::Pass),
        outcome("top", Verdict::Skipped("needs raw-att".to_owned())),
        outcome("lopy/b", mismatch("came 05 <&> \"06\"", "  value 05")),
        outcome("att/deep/c", Verdict::Inconclusive(fault)),
    ]
}

#[test]
fn each_verdict_has_its_element() {
    let xml = document(all_verdicts());
    assert_eq!(violations(&xml), Vec::<String>::new(), "{xml}");
    insta::assert_snapshot!(xml, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="gattest" tests="4" failures="1" errors="1" time="61.235">
      <testsuite name="lopy" tests="2" failures="1" errors="0" skipped="0" time="0.003">
        <testcase name="a" classname="gattest.lopy" time="0.001"/>
        <testcase name="b" classname="gattest.lopy" time="0.001">
          <failure message="came 05 &lt;&amp;&gt; &quot;06&quot;" type="mismatch">FAIL  lopy/b: it answers
      scenarios/lopy/b.yaml:6:5  step 1: connect
      came 05 &lt;&amp;&gt; &quot;06&quot;

      - expected  + came
        connect
      +   value 05
    </failure>
        </testcase>
      </testsuite>
      <testsuite name="scenarios" tests="1" failures="0" errors="0" skipped="1" time="0.001">
        <testcase name="top" classname="gattest.scenarios" time="0.001">
          <skipped message="needs raw-att" type="skipped"/>
        </testcase>
      </testsuite>
      <testsuite name="att/deep" tests="1" failures="0" errors="1" skipped="0" time="0.001">
        <testcase name="c" classname="gattest.att.deep" time="0.001">
          <error message="the board is silent" type="inconclusive">inconclusive  att/deep/c: it answers
      scenarios/att/deep/c.yaml
      the board is silent
      what to do: plug it in
    </error>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn nothing_that_a_device_says_breaks_the_document() {
    let hostile = "\u{1B}[31m\u{0}\u{FFFE}\u{85} ]]> <![CDATA[ &amp; </failure> \u{1F600}\nnext";
    let xml = document(vec![outcome("a", mismatch(hostile, hostile)), outcome("b", mismatch("", ""))]);
    assert_eq!(violations(&xml), Vec::<String>::new(), "{xml}");
    let document = roxmltree::Document::parse(&xml).expect("XML");
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).expect("a failure");
    let text = failure.text().expect("text");
    let shown = "\\u{1b}[31m\\u{0}\\u{fffe}\\u{85} ]]> <![CDATA[ &amp; </failure> \u{1F600}\n";
    assert!(text.contains(shown), "{text:?}");
    assert!(failure.attribute("message").is_some_and(|message| message.starts_with("\\u{1b}[31m")), "{xml}");
}

#[test]
fn an_empty_run_is_a_document_too() {
    assert_eq!(violations(&document(Vec::new())), Vec::<String>::new());
}

#[test]
fn a_run_writes_it() {
    let here = folder(&[
        ("scenarios/theme/a.yaml", GOOD),
        (
            "scenarios/b.yaml",
            &GOOD.replace("a read", "\"bell <&> a read\" # ").replace("expect: 5", "expect: 6"),
        ),
    ]);
    gattest(here.path(), &["run", "--accept"]);
    let (code, _, err) = shown(&gattest(here.path(), &["run", "--junit", "out.xml"]));
    assert_eq!(code, Some(1), "{err}");
    let xml = fs::read_to_string(here.path().join("out.xml")).expect("a report");
    assert_eq!(violations(&xml), Vec::<String>::new(), "{xml}");
    let document = roxmltree::Document::parse(&xml).expect("XML");
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).expect("a failure");
    let text = failure.text().expect("text");
    assert!(
        text.starts_with("FAIL  b: bell <&> a read\n  scenarios/b.yaml:11:5  step 2: read chr1\n"),
        "{text}"
    );
}
