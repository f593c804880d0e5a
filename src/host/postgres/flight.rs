//! Statements sent one after the other without waiting for the answers in between.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use std::boxed::Box;
use std::vec::Vec;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

type Part<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Waits for all of them. Each sends what it has to send when it is first asked, so that they are
/// sent in their order.
pub(super) async fn all<T>(mut parts: Vec<Part<'_, T>>) -> Vec<Result<T, Error>> {
    let mut done: Vec<Option<Result<T, Error>>> = parts.iter().map(|_| None).collect();
    poll_fn(move |context| {
        let mut waits = false;
        for (part, done) in parts.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            match part.as_mut().poll(context) {
                Poll::Ready(result) => *done = Some(result),
                Poll::Pending => waits = true,
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(done.drain(..).flatten().collect()) }
    })
    .await
}

/// Statements of one transaction. After one that fails, the server takes none of the later ones,
/// and commits nothing.
pub(super) struct Flight<'a> {
    client: &'a Client,
    parts: Vec<Part<'a, Vec<Row>>>,
}

impl<'a> Flight<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client, parts: Vec::new() }
    }

    /// A statement without parameters or answer.
    pub(super) fn run(&mut self, sql: &'a str) {
        let client = self.client;
        self.parts.push(Box::pin(async move { client.batch_execute(sql).await.map(|()| Vec::new()) }));
    }

    /// A prepared statement. Its answer comes in the order of the statements.
    pub(super) fn add(&mut self, statement: &'a Statement, params: Vec<&'a (dyn ToSql + Sync)>) {
        let client = self.client;
        self.parts.push(Box::pin(async move { client.query(statement, &params).await }));
    }

    /// As [`Flight::add`], if there is anything to it.
    pub(super) fn add_if(
        &mut self,
        any: bool,
        statement: &'a Statement,
        params: Vec<&'a (dyn ToSql + Sync)>,
    ) {
        if any {
            self.add(statement, params);
        }
    }

    /// Waits for the answers; the first error is the one that matters.
    pub(super) async fn land(self) -> Result<Vec<Vec<Row>>, Error> {
        all(self.parts).await.into_iter().collect()
    }
}
