//! The virtual clock itself.

use std::time::Duration;

use smooth_operator::Clock as _;
use smooth_operator::testing::VirtualClock;

use crate::peer::Heard;

#[tokio::test]
async fn req_time_01_due_timers_run_in_the_order_of_their_times() {
    let clock = VirtualClock::new();
    let heard = Heard::default();
    let arm = |ms: u64, name: &'static str| {
        let (heard, now) = (heard.clone(), clock.clone());
        clock.schedule(
            Duration::from_millis(ms),
            Box::new(move || heard.push((name, now.now().as_millis()))),
        )
    };
    let _kept = [arm(30, "c"), arm(10, "a"), arm(10, "b"), arm(90, "late")];
    drop(arm(20, "taken back"));
    clock.advance(Duration::from_millis(50)).await;
    assert_eq!(heard.all(), [("a", 10), ("b", 10), ("c", 30)]);
    assert_eq!(
        (clock.now(), clock.timers()),
        (Duration::from_millis(50), 1)
    );
}

#[tokio::test]
async fn req_time_01_a_timer_that_arms_another_one_is_followed_in_the_same_step() {
    let clock = VirtualClock::new();
    let heard = Heard::default();
    let (inner, seen) = (clock.clone(), heard.clone());
    let _timer = clock.schedule(
        Duration::from_millis(5),
        Box::new(move || {
            let now = inner.clone();
            std::mem::forget(inner.schedule(
                Duration::from_millis(5),
                Box::new(move || seen.push(now.now().as_millis())),
            ));
        }),
    );
    clock.advance(Duration::from_millis(10)).await;
    assert_eq!(heard.all(), [10]);
}
