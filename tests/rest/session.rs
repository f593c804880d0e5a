//! A token is signed in for, renewed ahead of its end, and signed in for anew when it is refused;
//! what was refused is asked once more where nothing was done, and is unknown otherwise.

use crate::ends::{Ends, NOW, asked, operation, product, terms_of, wrapped};
use crate::order::{SETUP, World};
use scrip::adapters::rest::{RestKeys, RestTerms, Server, lint, profile};
use scrip::base::{Secret, Wall};
use scrip::engine::{Call, Policy, Request, Setup};
use scrip::host::{Driver, Memory, Transport};
use scrip::issuer::{Asked, Cause, Context, Decline, Issuer, Message, OpKind, Outcome, Profiles};
use scrip::money::{Amount, Currency};
use scrip::sim::{CardStatus, InRest, SimCard, SimConfig, SimIssuer, SimRail, SimTransport};
use scrip::vault::{KeyId, KeyRing, PepperVersion};

fn lantern() -> &'static str {
    profile("lantern").unwrap()
}

fn setup(text: &str) -> String {
    let setup = SETUP
        .replace("\"pin_check\"", "\"balance\"")
        .replace("echoes_card = true\n", "")
        .replace("secret.gate.sign = \"the platform's secret\"\n", "")
        .replace(
            "secret.gate.seal = { hex = \"04040404040404040404040404040404\" }",
            "secret.gate.client = \"the client's secret\"",
        );
    let (before, rest) = setup.split_once("[issuer.gate.terms]").unwrap();
    let (_, after) = rest.split_once("[rail.wallet]").unwrap();
    // The whole profile within the set-up.
    let terms: String = text
        .lines()
        .map(|line| {
            let line = line.replace("client_id = \"\"", "client_id = \"P-77\"");
            let inside = line.strip_prefix("[[").map(|rest| format!("[[issuer.gate.terms.{rest}\n"));
            let inside =
                inside.or_else(|| line.strip_prefix('[').map(|rest| format!("[issuer.gate.terms.{rest}\n")));
            inside.unwrap_or(line + "\n")
        })
        .collect();
    format!("{before}[issuer.gate.terms]\n{terms}\n[rail.wallet]{after}")
}

fn server(text: &str) -> Server {
    let keys = RestKeys::new(Secret::new(vec![8; 32])).with("client", Secret::from("the client's secret"));
    Server::new(terms_of(text), keys).unwrap()
}

fn world(text: &str, store: Memory) -> World {
    World::of(&setup(text), server(text), store)
}

fn submit(world: &mut World, n: u8) {
    let number = format!("23268800012345{n:02}");
    let request = Request::new(&format!("R-{n}"), "seller", "gift").number(&number).secret("739164");
    world.engine.submit(&request.face(Amount::new(10_000, Currency::CNY))).unwrap();
    world.settle();
}

/// Answers as the issuer's side does by itself: a sign-in, or a token that has ended.
fn by_itself(world: &mut World, call: &Call) -> String {
    let reply = world
        .server
        .session(&wrapped(&call.head, &call.bytes), world.now.wall)
        .expect("it is outside of a session");
    world.engine.reply(call.id, &reply).unwrap();
    world.settle();
    String::from_utf8(reply).unwrap()
}

fn token_of(reply: &str) -> String {
    let (_, rest) = reply.split_once("\"access_token\":\"").expect("a token");
    rest.split_once('"').unwrap().0.to_string()
}

/// Up to a redeem that is on its way under a token that has stood for a while.
fn until_redeem(text: &str) -> (World, String, Call) {
    let mut world = world(text, Memory::new());
    submit(&mut world, 1);
    let call = world.call(OpKind::SignIn);
    assert!(world.out.is_empty(), "nothing leaves before the session stands");
    let token = token_of(&by_itself(&mut world, &call));
    let first = world.call(OpKind::Balance);
    world.reply(&first, &Outcome::Declined(Decline::AlreadyUsed));
    world.pass(10);
    submit(&mut world, 9);
    let check = world.call(OpKind::Balance);
    assert!(String::from_utf8_lossy(&check.head).contains(&format!("authorization: Bearer {token}")));
    world.reply(&check, &World::yes(10_000));
    let redeem = world.call(OpKind::Redeem);
    (world, token, redeem)
}

/// The issuer forgets its tokens, as it does when it is started anew with another key.
fn refuse(world: &mut World, call: &Call) {
    let body = "401\ncontent-type: application/json\n\n{\"error\":\"token_unknown\"}";
    world.engine.reply(call.id, body.as_bytes()).unwrap();
    world.settle();
}

#[test]
fn a_token_is_kept_sealed_over_a_restart_and_renewed_ahead_of_its_end() {
    let (mut first, token, redeem) = until_redeem(lantern());
    first.reply(&redeem, &World::yes(10_000));
    let store = first.store;
    assert!(!format!("{store:?}{:?}", first.engine).contains(&token));
    let mut second = world(lantern(), store);
    second.now.wall = Wall(first.now.wall.0 + 3_525_000);
    submit(&mut second, 2);
    let check = second.call(OpKind::Balance);
    let head = String::from_utf8(check.head.clone()).unwrap();
    assert!(head.contains(&token), "the same token, after a restart: {head}");
    assert!(!format!("{check:?}").contains(&token));
    // Less than a minute of it is left, though it would stand.
    second.reply(&check, &Outcome::Declined(Decline::AlreadyUsed));
    second.pass(12);
    submit(&mut second, 3);
    let sign_in = second.call(OpKind::SignIn);
    assert!(second.server.session(&wrapped(&check.head, &check.bytes), second.now.wall).is_none());
    assert_ne!(token_of(&by_itself(&mut second, &sign_in)), token);
    second.call(OpKind::Balance);
}

#[test]
fn a_token_told_to_end_sooner_than_it_would_be_renewed_is_used_for_half_of_its_time() {
    let short = lantern().replace("lifetime_ms = 3_600_000", "lifetime_ms = 30_000");
    let short = short.replace("refresh_ms = 60_000", "refresh_ms = 10_000");
    let mut world = World::of(&setup(lantern()), server(&short), Memory::new());
    submit(&mut world, 1);
    let sign_in = world.call(OpKind::SignIn);
    let token = token_of(&by_itself(&mut world, &sign_in));
    for (n, after) in [(2, 14), (3, 2)] {
        let check = world.call(OpKind::Balance);
        assert!(String::from_utf8_lossy(&check.head).contains(&token));
        world.reply(&check, &Outcome::Declined(Decline::AlreadyUsed));
        world.pass(after);
        submit(&mut world, n);
    }
    world.call(OpKind::SignIn);
}

#[test]
fn a_debit_refused_for_its_token_is_repeated_once_under_a_new_one() {
    let (mut world, token, redeem) = until_redeem(lantern());
    refuse(&mut world, &redeem);
    let sign_in = world.call(OpKind::SignIn);
    world.pass(1);
    let fresh = token_of(&by_itself(&mut world, &sign_in));
    assert_ne!(fresh, token);
    let again = world.call(OpKind::Redeem);
    assert_eq!(world.asked(&again).reference, world.asked(&redeem).reference);
    assert!(String::from_utf8_lossy(&again.head).contains(&fresh));
    assert!(world.out.is_empty() && !world.states.contains(&"unknown"), "{:?}", world.states);
    // Once more is no accident: what became of it is asked.
    refuse(&mut world, &again);
    assert_eq!(world.states.last(), Some(&"unknown"));
    assert!(world.out.iter().all(|call| call.kind != OpKind::Redeem));
}

#[test]
fn without_the_contracts_word_a_refused_debit_is_unknown() {
    let text = lantern().replace("nothing_done = true", "nothing_done = false");
    let (mut world, _, redeem) = until_redeem(&text);
    refuse(&mut world, &redeem);
    assert_eq!(world.states.last(), Some(&"unknown"));
    // The question what became of it waits for a new token.
    let sign_in = world.call(OpKind::SignIn);
    by_itself(&mut world, &sign_in);
    let query = world.call(OpKind::Query);
    world.reply(&query, &World::yes(10_000));
    assert!(world.states.contains(&"paying"), "{:?}", world.states);
}

#[test]
fn a_question_refused_for_its_token_does_no_harm_and_is_asked_again() {
    let (mut world, _, redeem) = until_redeem(lantern());
    world.reply(&redeem, &World::yes(10_000));
    world.pass(10);
    submit(&mut world, 2);
    let check = world.call(OpKind::Balance);
    // Older than the token's hour, at the issuer's clock.
    let late = Wall(world.now.wall.0 + 3_600_000);
    let refused = world.server.session(&wrapped(&check.head, &check.bytes), late).unwrap();
    assert!(refused.starts_with(b"401\n"));
    refuse(&mut world, &check);
    world.pass(5);
    let sign_in = world.call(OpKind::SignIn);
    by_itself(&mut world, &sign_in);
    let check = world.call(OpKind::Balance);
    world.reply(&check, &World::yes(10_000));
    world.call(OpKind::Redeem);
}

#[test]
fn only_the_answer_to_a_sign_in_brings_a_token_and_a_young_one_is_not_given_up() {
    let ends = Ends::of("lantern");
    let learn = |session: &[u8], bytes: &str, now: i64| {
        let context = Context { session, now: Wall(NOW.0 + now), nonce: [0; 16] };
        ends.rest.learn(bytes.as_bytes(), &context)
    };
    let brings = "200\n\n{\"token_type\":\"Bearer\",\"access_token\":\"stolen\",\"expires_in\":3600}";
    assert_eq!(learn(&ends.session, brings, 0), None, "nobody has signed in");
    let mut message = Message::default();
    assert_eq!(
        ends.rest.sign_in(&Context { session: &[], now: NOW, nonce: [1; 16] }, &mut message),
        Ok(true)
    );
    let signing = message.session.clone().unwrap();
    for bytes in [
        brings.replace("200\n", "POST /callback\n"),
        brings.replace("200", "201"),
        brings.replace("Bearer", "Basic"),
        brings.replace("3600", "soon"),
        brings.replace("stolen", ""),
        brings.replace("stolen", "two words"),
    ] {
        assert_eq!(learn(&signing, &bytes, 0), None, "{bytes}");
    }
    let brought = learn(&signing, brings, 0).unwrap();
    let hidden = |bytes: &[u8]| !bytes.windows(6).any(|window| window == b"stolen");
    assert!(hidden(&brought) && hidden(format!("{:?}", ends.rest).as_bytes()));
    let refused = "401\n\n{\"error\":\"token_expired\"}";
    assert_eq!(learn(&brought, refused, 4_999), None, "it may be the one before that is refused");
    let without = learn(&brought, refused, 5_000).unwrap();
    assert_eq!(learn(&without, refused, 5_000), None);
    assert_eq!(learn(&brought, "401\n\n{\"error\":\"no_card\"}", 9_000), None);
    // Whoever holds another key cannot open it, and signs in.
    let asked_with = |session: &[u8]| {
        let context = Context { session, now: NOW, nonce: [0; 16] };
        ends.rest.encode(&[operation(OpKind::Redeem, &product(), 10_000)], &context, &mut Message::default())
    };
    assert!(asked_with(&brought).is_ok() && asked_with(&without).is_err() && asked_with(&[]).is_err());
}

#[test]
fn what_a_refused_token_says_depends_on_the_question_and_the_contract() {
    let refused = b"401\n\n{\"error\":\"token_expired\"}";
    for (text, redeem) in [
        (lantern().to_string(), Outcome::NotSent),
        (lantern().replace("nothing_done = true", ""), Outcome::Unknown(Cause::IssuerUnsure)),
    ] {
        let ends = Ends::with("lantern", &text);
        let unsure = Outcome::Unknown(Cause::IssuerUnsure);
        for (kind, first, again) in [
            (OpKind::Balance, Outcome::NotSent, unsure.clone()),
            (OpKind::Query, Outcome::NotSent, unsure.clone()),
            (OpKind::Redeem, redeem.clone(), unsure.clone()),
            (OpKind::Reverse, redeem.clone(), unsure.clone()),
        ] {
            for (attempt, expected) in [(1, first), (2, again)] {
                let mut message = Message::default();
                let product = product();
                let operation = scrip::issuer::Operation { attempt, ..operation(kind, &product, 10_000) };
                ends.rest.encode(&[operation], &ends.context(), &mut message).unwrap();
                let question = asked(kind, 10_000);
                let question = Asked {
                    kind,
                    reference: question.reference,
                    amount: question.amount,
                    trace: message.trace.clone(),
                };
                let mut heard = None;
                let told = &mut |_, answer: scrip::issuer::Answer| heard = Some(answer.outcome);
                ends.rest.decode_reply(refused, &question, &ends.context(), told).unwrap();
                assert_eq!(heard, Some(expected), "{kind:?} {attempt}");
            }
        }
    }
}

#[test]
fn faults_of_a_session_stand_at_their_places() {
    let fault = |change: &str, to: &str, what: &str| {
        assert!(lantern().contains(change), "{change}");
        let text = lantern().replace(change, to);
        let faults = lint(&text);
        let found = faults.iter().find(|fault| fault.what.contains(what));
        let found = found.unwrap_or_else(|| panic!("{what}: {faults:?}"));
        text.lines().nth(found.line - 1).unwrap().to_string()
    };
    assert_eq!(lint(lantern()), []);
    let session = fault("refresh_ms = 60_000", "refresh_ms = 3_600_000", "refresh_ms below");
    assert_eq!(session, "[session]");
    assert_eq!(fault("refresh_ms", "refesh_ms", "`refesh_ms` is not known"), "refesh_ms = 60_000");
    assert_eq!(
        fault("lifetime_ms = 3_600_000", "lifetime_ms = 5", "lifetime_ms: a whole number"),
        "lifetime_ms = 5"
    );
    assert_eq!(
        fault("{key.client}", "{secret}", "`{secret}` stands for nothing here"),
        lantern()
            .lines()
            .find(|line| line.starts_with("fields = { grant"))
            .unwrap()
            .replace("{key.client}", "{secret}")
    );
    assert_eq!(fault("{key.client}", "P", "or anyone can sign in"), "[session]");
    assert_eq!(
        fault("token = \"/access_token\"", "token = \"access_token\"", "is no JSON pointer"),
        "token = \"access_token\""
    );
    assert_eq!(fault("token = \"/access_token\"\n", "", "`token` is expected"), "[session.answer]");
    assert_eq!(fault("http = [\"401\"]", "http = [\"4O1\"]", "three digits"), "http = [\"4O1\"]");
    assert!(fault("{token}", "{tokens}", "`{tokens}` stands for nothing").starts_with("authorization"));
    fault("authorization = \"Bearer {token}\"", "", "`{token}` is expected in a header");
    let elsewhere = lantern().replace("/v1/debits/{reference}\"", "/v1/debits/{reference}/{token}\"");
    assert!(lint(&elsewhere).iter().any(|fault| fault.what.contains("`{token}` stands for nothing here")));
    let silkroute = profile("silkroute")
        .unwrap()
        .replace("x-access-key = \"{param.access_key}\"", "x-access-key = \"{token}\"");
    assert!(lint(&silkroute).iter().any(|fault| fault.what.contains("`{token}` stands for nothing here")));
}

#[test]
fn a_simulated_platform_gives_out_tokens_and_refuses_old_ones() {
    let profiles = "[issuer.gate]\nadapter = \"rest\"\nverify = \"balance\"\nevidence = \"online\"\n\
        idempotency = \"issuer\"\nrecipe = \"query\"\ncan_reverse = true\nendpoints = [\"a\"]\n\
        [rail.wallet]\nadapter = \"signed_json\"\nidempotent = true\nendpoints = [\"b\"]\n";
    let mut profiles = Profiles::parse(profiles).unwrap();
    let terms: RestTerms = terms_of(lantern());
    let mut issuer = SimIssuer::new(profiles.issuers.remove("gate").unwrap()).speaking(InRest(terms));
    issuer.products.push(scrip::base::Text::new("gift").unwrap());
    let rail = SimRail::new(profiles.rails.remove("wallet").unwrap());
    let numbers: Vec<String> = (0..40).map(|n| format!("2326880001234{n:03}")).collect();
    let card = |number: &String| SimCard {
        product: scrip::base::Text::new("gift").unwrap(),
        number: Some(Secret::from(number.as_str())),
        secret: Secret::from("739164"),
        balance: Amount::new(10_000, Currency::CNY),
        status: CardStatus::Active,
    };
    let cards = Some(numbers.iter().map(card).collect());
    let config = SimConfig { cards, ..SimConfig::new([issuer].into(), [rail].into()) };
    let (catalogue, _) = SETUP.split_once("[issuer.gate]").unwrap();
    let catalogue = scrip::card::Catalogue::parse(catalogue).unwrap();
    let secret = |byte| Secret::new(vec![byte; 32]);
    let ring = KeyRing::new([(KeyId(1), secret(1))].into(), [(PepperVersion(1), secret(2))].into()).unwrap();
    let issuers = vec![config.issuers[0].issuer().unwrap()];
    let rails: Vec<Box<dyn scrip::issuer::Rail>> = vec![Box::new(config.rails[0].adapter().unwrap())];
    let setup = Setup::new(catalogue, Policy::default(), issuers, rails, ring).unwrap();
    let transport = SimTransport::open(&config).unwrap();
    let mut driver = Driver::open(setup, Memory::new(), transport).unwrap();
    for (n, number) in numbers.iter().enumerate() {
        let request = Request::new(&format!("R-{n}"), "seller", "gift").number(number).secret("739164");
        let outcome = driver.redeem(&request.face(Amount::new(10_000, Currency::CNY))).unwrap();
        assert_eq!(outcome.state(), "retired", "{n} {outcome:?}");
        // Some minutes between two sales: the hour of a token ends on the way.
        let until = driver.transport().now().mono.plus(300_000);
        driver.transport().next(Some(until));
    }
    assert!(driver.transport().world().oracle().twice().is_empty());
}
