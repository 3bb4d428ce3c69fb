//! What goes over the line, as the contract has it.

use super::*;

#[test]
fn the_status_of_the_contract() {
    let slot = |state: &str, in_flight| SlotStatus {
        state: state.into(),
        in_flight,
        workers: vec![WorkerStatus {
            address: "127.0.0.1:8001".into(),
            state: state.into(),
            in_flight,
            breaker: None,
            detail: None,
        }],
        release: serde_json::json!({"status": "ready"}),
        release_name: Some("small@v1".into()),
        retired: false,
        conversations: 0,
        standby: None,
    };
    let status = Status {
        live: "blue".into(),
        attempt: 7,
        phase: "steady".into(),
        slots: [("blue".to_owned(), slot("ready", 3)), ("green".to_owned(), slot("down", 0))]
            .into(),
        kept: None,
        drain: None,
        canary: None,
        pinned: None,
        shadow: None,
        listen: "127.0.0.1:8080".into(),
        version: "0.1.0".into(),
        drive: None,
        request: None,
        pid: 0,
    };
    insta::assert_json_snapshot!(status);
}

#[test]
fn a_refusal_carries_its_numbers() {
    let failure = Failure {
        error: Problem {
            reason: "not_ready".into(),
            message: "green is not ready: 1 of 2 workers ready".into(),
            causes: Vec::new(),
            hint: Some("switchctl wait green --timeout 60s".into()),
            numbers: [("ready".to_owned(), 1), ("total".to_owned(), 2)].into(),
        },
    };
    insta::assert_json_snapshot!(failure);
}

#[test]
fn an_empty_body_asks_for_the_idle_slot() {
    assert_eq!(serde_json::from_str::<Promote>("{}").unwrap(), Promote::default());
    assert!(serde_json::from_str::<Promote>(r#"{"forced": true}"#).is_err());
}
