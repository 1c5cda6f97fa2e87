use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Client, Limits, NetError, Request, Response};

/// A [`Client`] for callers that wait: it has a runtime of its own, on their thread.
#[derive(Debug)]
pub struct Blocking {
    client: Client,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Blocking {
    /// Around a client that no other runtime has used.
    pub fn new(client: Client) -> Result<Blocking, NetError> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(NetError::Runtime)?;
        Ok(Blocking { client, runtime: Some(runtime) })
    }

    /// Sends a request and waits for the answer.
    pub fn send(&self, request: &Request, limits: &Limits) -> Result<Response, NetError> {
        self.block_on(self.client.send(request, limits))
    }

    /// Sends many requests, `at_once` of them at a time, and gives the answers to `sink` with the places of their requests, as they come. The first error, of
    /// a request or of `sink`, ends it.
    pub fn send_all<E: From<NetError>>(
        &self,
        requests: Vec<Request>,
        at_once: usize,
        limits: Limits,
        mut sink: impl FnMut(usize, Response) -> Result<(), E>,
    ) -> Result<(), E> {
        let free = Arc::new(Semaphore::new(at_once.max(1)));
        let answers = async {
            let mut open = JoinSet::new();
            for (place, request) in requests.into_iter().enumerate() {
                let (client, free) = (self.client.clone(), Arc::clone(&free));
                open.spawn(async move {
                    let _turn = free.acquire().await;
                    (place, client.send(&request, &limits).await)
                });
            }
            while let Some(answer) = open.join_next().await {
                let (place, answer) = answer.map_err(|e| E::from(NetError::Runtime(std::io::Error::other(e))))?;
                sink(place, answer.map_err(E::from)?)?;
            }
            Ok(())
        };
        match &self.runtime {
            Some(runtime) => runtime.block_on(answers),
            None => Ok(()),
        }
    }

    fn block_on<T>(&self, answer: impl Future<Output = Result<T, NetError>>) -> Result<T, NetError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(answer),
            None => Err(NetError::Runtime(std::io::Error::other("the runtime has ended"))),
        }
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        // A name that is still looked up would be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
