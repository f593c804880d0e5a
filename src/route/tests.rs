//! How the router chooses, and the laws that hold whatever it is told.

use super::*;
use crate::base::Mono;
use crate::issuer::{Idempotency, OpKind, Routing};
use alloc::string::ToString;
use alloc::vec::Vec;
use proptest::prelude::*;

const A: Place = Place { channel: 0, endpoint: 0 };
const B: Place = Place { channel: 0, endpoint: 1 };
const NOW: Mono = Mono(1_000);

fn channel(name: &str, sites: u32, scope: Idempotency) -> Channel {
    let kinds = [OpKind::Balance, OpKind::Redeem, OpKind::Query].to_vec();
    let routing = Routing::default();
    Channel { name: name.to_string(), products: ["gift".to_string()].into(), kinds, sites, scope, routing }
}

fn two() -> Router {
    Router::new([channel("bank", 2, Idempotency::Site)].into(), &RoutePolicy::default())
}

fn want(kind: OpKind) -> Want<'static> {
    Want { kind, product: Some("gift"), channel: None, stuck: None, avoid: None }
}

fn place(router: &Router, now: Mono, kind: OpKind) -> Place {
    router.pick(now, &want(kind), 0).unwrap().place
}

#[test]
fn candidates_are_those_that_take_product_and_question() {
    let router = two();
    assert_eq!(router.pick(NOW, &Want { product: Some("fuel"), ..want(OpKind::Redeem) }, 0), None);
    assert_eq!(router.pick(NOW, &want(OpKind::Receipt), 0), None);
    assert_eq!(place(&router, NOW, OpKind::Redeem), A);
}

#[test]
fn a_refusal_and_a_reset_move_the_next_attempt_at_once() {
    for heard in [Heard::Refused, Heard::Reset] {
        let mut router = two();
        router.asked(NOW, A, OpKind::Redeem, false);
        router.told(NOW, A, heard);
        assert_eq!(place(&router, NOW, OpKind::Redeem), B);
    }
}

#[test]
fn silence_moves_it_after_the_probe_interval() {
    let mut router = two();
    router.asked(NOW, A, OpKind::Balance, false);
    let at = router.wake_at().unwrap();
    assert_eq!(at, NOW.plus(RoutePolicy::default().probe_ms));
    router.tick(Mono(at.0 - 1));
    assert_eq!(place(&router, at, OpKind::Balance), A);
    assert_eq!((router.tick(at), router.wake_at()), ([A].into(), None));
    assert_eq!(place(&router, at, OpKind::Balance), B);
}

#[test]
fn an_ejected_site_comes_back_by_a_probe_of_a_read_and_not_by_an_effect() {
    let mut router = two();
    router.told(NOW, A, Heard::Refused);
    let back = router.back_at(A).unwrap();
    assert_eq!(place(&router, back, OpKind::Redeem), B);
    assert_eq!(place(&router, back, OpKind::Balance), A);
    router.asked(back, A, OpKind::Balance, false);
    assert_eq!(place(&router, back, OpKind::Balance), B, "one probe at a time");
    router.told(back, A, Heard::Answer { after_ms: 20 });
    assert_eq!(router.standing(back, A), Some(Standing::Open));
}

#[test]
fn queries_move_only_where_the_reference_is_known_everywhere() {
    for (scope, expected) in [(Idempotency::Site, A), (Idempotency::None, A), (Idempotency::Issuer, B)] {
        let mut router = Router::new([channel("bank", 2, scope)].into(), &RoutePolicy::default());
        router.told(NOW, A, Heard::Reset);
        let query = Want { stuck: Some(A), ..want(OpKind::Query) };
        assert_eq!(router.pick(NOW, &query, 0).unwrap().place, expected);
    }
}

#[test]
fn a_cheaper_channel_is_preferred_until_it_fails() {
    let channels = [channel("dear", 1, Idempotency::Issuer), channel("cheap", 1, Idempotency::Issuer)];
    let mut policy = RoutePolicy::default();
    policy.price.insert("dear".to_string(), Price { cost: 100, weight: 100 });
    let mut router = Router::new(channels.into(), &policy);
    assert_eq!(place(&router, NOW, OpKind::Redeem).channel, 1);
    for _ in 0..20 {
        router.told(NOW, Place { channel: 1, endpoint: 0 }, Heard::Reset);
    }
    assert_eq!(place(&router, NOW, OpKind::Redeem).channel, 0);
}

#[test]
fn waits_double_with_jitter_and_end_with_tries_and_budget() {
    let mut router = Router::new([channel("bank", 1, Idempotency::Site)].into(), &RoutePolicy::default());
    let mut again = |tried, entropy| router.again(NOW, A, OpKind::Balance, tried, entropy);
    for entropy in [0, 7, u64::MAX] {
        assert!((25..=50).contains(&again(1, entropy).unwrap()));
        assert!((50..=100).contains(&again(2, entropy).unwrap()));
    }
    assert_eq!(again(3, 0), None);
    let given = (0..1_000).filter(|_| again(1, 0).is_some()).count();
    assert_eq!(given, 94, "a hundred in all");
    let mut router = two();
    for kind in [OpKind::Redeem, OpKind::Reverse, OpKind::Pay, OpKind::PinCheck] {
        assert_eq!((router.again(NOW, A, kind, 1, 0), router.hedge(NOW, A, kind, 0)), (None, None));
    }
}

#[test]
fn what_failed_at_one_site_is_at_the_other_at_once_and_a_query_only_there() {
    for (scope, expected) in [(Idempotency::Site, None), (Idempotency::Issuer, Some(0))] {
        let mut router = Router::new([channel("bank", 2, scope)].into(), &RoutePolicy::default());
        router.told(NOW, A, Heard::Reset);
        assert_eq!(router.again(NOW, A, OpKind::Balance, 1, 0), Some(0));
        assert_eq!(router.again(NOW, A, OpKind::Query, 1, 0), expected);
        assert_eq!(router.again(NOW, B, OpKind::Balance, 1, 0), Some(25), "the other one is out");
        assert_eq!(router.again(NOW, B, OpKind::Query, 1, 0), None, "the ladder says when");
    }
}

#[test]
fn a_site_is_tried_out_by_the_mildest_question_that_its_cards_need() {
    use OpKind::{Balance, PinCheck, Query, Redeem};
    for (asked, expected) in [
        (&[Balance, Redeem, Query][..], Balance),
        (&[PinCheck, Redeem, Query], PinCheck),
        (&[Redeem], Redeem),
    ] {
        let only = Channel { kinds: asked.to_vec(), ..channel("bank", 2, Idempotency::Site) };
        let mut router = Router::new([only].into(), &RoutePolicy::default());
        router.told(NOW, A, Heard::Refused);
        let back = router.back_at(A).unwrap();
        for kind in asked.iter().filter(|kind| **kind != Query) {
            assert_eq!(place(&router, back, *kind) == A, *kind == expected, "{kind:?}");
        }
        router.probing(back, A);
        assert_eq!(place(&router, back, expected), B, "it is on its way");
    }
}

#[test]
fn a_single_site_is_never_given_up_and_wakes_nobody() {
    let mut router = Router::new([channel("bank", 1, Idempotency::Site)].into(), &RoutePolicy::default());
    router.asked(NOW, A, OpKind::Balance, false);
    assert_eq!((router.wake_at(), router.tick(Mono(i64::MAX))), (None, [].into()));
}

#[test]
fn silence_of_a_site_that_cannot_be_ejected_is_noticed_once() {
    let mut router = two();
    router.told(NOW, B, Heard::Refused);
    router.asked(NOW, A, OpKind::Balance, false);
    let at = router.wake_at().unwrap();
    assert_eq!((router.tick(at), router.wake_at()), ([].into(), None));
    assert_eq!(router.standing(at, A), Some(Standing::Open));
}

#[test]
fn a_read_is_hedged_after_the_quantile_once_enough_is_known() {
    let mut router = two();
    assert_eq!(router.pick(NOW, &want(OpKind::Balance), 0).unwrap().hedge_after_ms, None);
    for _ in 0..60 {
        router.asked(NOW, A, OpKind::Balance, false);
        router.told(NOW, A, Heard::Answer { after_ms: 90 });
    }
    let hedge_after = |kind| {
        let only = Want { stuck: None, ..want(kind) };
        router.pick(NOW, &only, 0).filter(|route| route.place == A).and_then(|route| route.hedge_after_ms)
    };
    assert_eq!(hedge_after(OpKind::Redeem), None);
    assert_eq!(router.hedge_after(A, OpKind::Balance), Some(100));
    assert_eq!(router.hedge(NOW, A, OpKind::Balance, 0), Some(B));
}

fn heard() -> impl Strategy<Value = Heard> {
    prop_oneof![
        (0_i64..5_000).prop_map(|after_ms| Heard::Answer { after_ms }),
        Just(Heard::Refused),
        Just(Heard::Reset),
        Just(Heard::Silence),
        Just(Heard::Garbage),
        Just(Heard::Withdrawn),
    ]
}

proptest! {
    /// Who waits until then and ticks must not be told to wait until then again.
    #[test]
    fn a_tick_leaves_no_time_to_wake_at_that_has_passed(
        steps in proptest::collection::vec((0_u32..2, proptest::option::of(heard()), 0_i64..5_000), 0..60),
    ) {
        let (mut router, mut now) = (two(), NOW);
        for (endpoint, heard, passes) in steps {
            let place = Place { channel: 0, endpoint };
            match heard {
                None => router.asked(now, place, OpKind::Balance, false),
                Some(heard) => router.told(now, place, heard),
            }
            now = now.plus(passes);
            router.tick(now);
            prop_assert!(router.wake_at().is_none_or(|at| at > now), "{now:?}: {:?}", router.wake_at());
        }
    }

    #[test]
    fn never_more_than_the_share_is_out_and_the_same_inputs_give_the_same_choices(
        sites in 1_u32..8,
        percent in 0_u32..=100,
        spread: bool,
        inputs in prop::collection::vec((0_u32..8, heard(), 0_i64..4_000, any::<u64>()), 0..200),
    ) {
        let policy = RoutePolicy { ejected_max_percent: percent, spread, ..RoutePolicy::default() };
        let make = || Router::new([channel("bank", sites, Idempotency::Site)].into(), &policy);
        let (mut router, mut twin) = (make(), make());
        let mut now = Mono(0);
        let most = (sites * percent / 100).min(sites - 1);
        for (endpoint, heard, ms, entropy) in inputs {
            now = now.plus(ms);
            let site = Place { channel: 0, endpoint: endpoint % sites };
            for router in [&mut router, &mut twin] {
                router.tick(now);
                router.asked(now, site, OpKind::Balance, false);
                router.told(now, site, heard);
            }
            let out = (0..sites).filter(|e| router.back_at(Place { channel: 0, endpoint: *e }).is_some());
            prop_assert!(out.count() as u32 <= most);
            for kind in [OpKind::Balance, OpKind::Redeem] {
                let picked = router.pick(now, &want(kind), entropy);
                prop_assert!(picked.is_some());
                prop_assert_eq!(picked, twin.pick(now, &want(kind), entropy));
            }
            for kind in [OpKind::Query, OpKind::Redeem] {
                let stuck = router.pick(now, &Want { stuck: Some(site), ..want(kind) }, entropy);
                prop_assert_eq!(stuck.map(|route| route.place), Some(site));
            }
        }
    }

    #[test]
    fn hedges_stay_below_one_in_twenty_over_every_window(tries in prop::collection::vec(0_u8..4, 1..400)) {
        let mut router = two();
        let mut hedged = Vec::new();
        for extra in tries {
            router.asked(NOW, A, OpKind::Balance, false);
            router.told(NOW, A, Heard::Answer { after_ms: 10 });
            hedged.push((0..extra).filter(|_| router.hedge(NOW, A, OpKind::Balance, 0).is_some()).count());
        }
        for start in 0..hedged.len() {
            let mut sum = 0;
            for (n, count) in (1..).zip(&hedged[start..]) {
                sum += count;
                prop_assert!(sum <= n / 20 + 1, "{sum} of {n}");
            }
        }
        prop_assert!(hedged.iter().sum::<usize>() * 20 <= hedged.len());
    }
}
