//! A recorder of figures and a subscriber of events that keep everything, as text.

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder};
use metrics::{SharedString, Unit};
use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

/// Everything that was recorded in this process.
#[derive(Default)]
pub(crate) struct Kept {
    counts: Mutex<BTreeMap<String, u64>>,
    texts: Mutex<String>,
}

static KEPT: OnceLock<Arc<Kept>> = OnceLock::new();

/// Records from now on, once for the process.
pub(crate) fn record() -> Arc<Kept> {
    let kept = KEPT.get_or_init(|| {
        let kept = Arc::new(Kept::default());
        assert!(metrics::set_global_recorder(Figures(Arc::clone(&kept))).is_ok(), "it is the only recorder");
        tracing::subscriber::set_global_default(Lines(Arc::clone(&kept))).unwrap();
        kept
    });
    Arc::clone(kept)
}

impl Kept {
    /// The sum of a counter, or how often a gauge or histogram was set, over all its labels that
    /// hold `label`.
    pub(crate) fn count(&self, name: &str, label: &str) -> u64 {
        let counts = self.counts.lock().unwrap();
        let meant = |key: &str| key.split(' ').next() == Some(name) && key.contains(label);
        counts.iter().filter(|(key, _)| meant(key)).map(|(_, count)| count).sum()
    }

    /// Everything, with the names and labels of figures.
    pub(crate) fn text(&self) -> String {
        let keys: Vec<String> = self.counts.lock().unwrap().keys().cloned().collect();
        format!("{}\n{}", keys.join("\n"), self.texts.lock().unwrap())
    }

    fn add(&self, key: &str, many: u64) {
        *self.counts.lock().unwrap().entry(key.to_string()).or_default() += many;
    }
}

struct Figures(Arc<Kept>);

struct Figure(Arc<Kept>, String);

impl Figures {
    fn figure(&self, key: &Key) -> Arc<Figure> {
        let labels = key.labels().fold(String::new(), |mut text, label| {
            write!(text, " {}={}", label.key(), label.value()).unwrap();
            text
        });
        Arc::new(Figure(Arc::clone(&self.0), format!("{}{labels}", key.name())))
    }
}

impl Recorder for Figures {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.figure(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.figure(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.figure(key))
    }
}

impl CounterFn for Figure {
    fn increment(&self, value: u64) {
        self.0.add(&self.1, value);
    }

    fn absolute(&self, _: u64) {}
}

impl GaugeFn for Figure {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}

    fn set(&self, _: f64) {
        self.0.add(&self.1, 1);
    }
}

impl HistogramFn for Figure {
    fn record(&self, _: f64) {
        self.0.add(&self.1, 1);
    }
}

struct Lines(Arc<Kept>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Lines {
    fn line(&self, what: &str, visit: impl FnOnce(&mut Line)) {
        let mut line = Line(what.to_string());
        visit(&mut line);
        let mut texts = self.0.texts.lock().unwrap();
        texts.push_str(&line.0);
        texts.push('\n');
    }
}

impl tracing::Subscriber for Lines {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.line(span.metadata().name(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.line("record", |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.line(event.metadata().name(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
