//! Listening: one thread, one loop, a task a connection.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connection::{Connections, serve};
use super::limits::{ACCEPT_PAUSE, STOP_TIME};
use super::secret::Token;
use super::{Face, LiveError, TlsFiles, tls};

/// Where is listened, and who may ask.
#[derive(Clone, Debug)]
pub struct Access {
    /// `HOST:PORT`, or a port of this machine alone.
    pub listen: String,
    /// Names that are answered to, beside those of this machine's loopback and the address itself.
    pub hosts: Vec<String>,
    /// What has to be known.
    pub token: Option<Token>,
    /// What makes it private.
    pub tls: Option<TlsFiles>,
}

/// A server that has its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    token: Option<Token>,
    hosts: Vec<String>,
}

impl Server {
    /// Takes the address. One that other machines reach needs a token.
    pub fn bind(access: Access) -> Result<Server, LiveError> {
        let addresses = addresses(&access.listen)?;
        if let Some(open) = addresses.iter().find(|a| !a.ip().is_loopback()).filter(|_| access.token.is_none()) {
            return Err(LiveError::Open { address: *open });
        }
        let tls = access.tls.as_ref().map(tls::acceptor).transpose()?;
        let failed = |source| LiveError::Bind { address: access.listen.clone(), source };
        let listener = TcpListener::bind(addresses.as_slice()).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut hosts = access.hosts;
        hosts.extend(access.listen.rsplit_once(':').map(|(host, _)| host.to_owned()));
        Ok(Server { listener, address, tls, token: access.token, hosts })
    }

    /// Where it is found, for people.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls.is_some() { "https" } else { "http" }, self.address)
    }

    /// Answers from now on.
    pub fn start(self, face: Face) -> Result<Running, LiveError> {
        let runtime = Builder::new_current_thread().enable_all().thread_name("live-work").build();
        let runtime = runtime.map_err(LiveError::Start)?;
        let (stop, stopped) = watch::channel(false);
        let answer = move || {
            self.run(&runtime, face, stopped);
            // Those who work for a client that has gone may not notice for long.
            runtime.shutdown_timeout(STOP_TIME);
        };
        let thread = std::thread::Builder::new().name("live".to_owned()).spawn(answer).map_err(LiveError::Start)?;
        Ok(Running { stop, thread })
    }

    fn run(self, runtime: &Runtime, face: Face, stopped: watch::Receiver<bool>) {
        let Server { listener, tls, token, hosts, .. } = self;
        let _ = runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let (router, connections) = face.router(token, &hosts, stopped.clone());
            accept(&listener, tls, router, &connections, stopped).await;
            drop(listener);
            connections.ended(STOP_TIME).await;
            io::Result::Ok(())
        });
    }
}

/// What `HOST:PORT` or a port means.
fn addresses(listen: &str) -> Result<Vec<SocketAddr>, LiveError> {
    let wrong = || LiveError::Address { text: listen.to_owned() };
    let port = listen.trim_start_matches(':').parse::<u16>();
    let found: Vec<SocketAddr> = match port {
        Ok(port) => vec![SocketAddr::from(([127, 0, 0, 1], port))],
        Err(_) => listen.to_socket_addrs().map_err(|_| wrong())?.collect(),
    };
    if found.is_empty() { Err(wrong()) } else { Ok(found) }
}

async fn accept(
    listener: &tokio::net::TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    connections: &Arc<Connections>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                if let Some(open) = connections.open() {
                    tokio::spawn(serve(stream, tls.clone(), router.clone(), open, stopped.clone()));
                }
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// A server that answers.
pub struct Running {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Ends it: what is being answered has a moment to be sent.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(listen: &str) -> Access {
        Access { listen: listen.to_owned(), hosts: Vec::new(), token: None, tls: None }
    }

    #[test]
    fn an_address_that_others_reach_needs_a_token() {
        let refused = Server::bind(access("0.0.0.0:0")).err().unwrap().to_string();
        insta::assert_snapshot!(refused, @"0.0.0.0:0 can be reached from other machines: that needs a token, name its file with --token-file or `serve.token_file` (make one: openssl rand -hex 16), or listen on 127.0.0.1");
        assert!(matches!(Server::bind(access("[::]:0")), Err(LiveError::Open { .. })));
    }

    #[test]
    fn a_port_alone_is_of_this_machine_and_nonsense_is_told() {
        assert_eq!(addresses("9464").unwrap(), [SocketAddr::from(([127, 0, 0, 1], 9464))]);
        assert_eq!(addresses(":9464").unwrap(), [SocketAddr::from(([127, 0, 0, 1], 9464))]);
        insta::assert_snapshot!(addresses("here").unwrap_err(), @"`here` is no address to listen on: give HOST:PORT, as in 127.0.0.1:9464, or a port");
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let first = Server::bind(access("127.0.0.1:0")).unwrap();
        let again = Server::bind(access(&first.address.to_string())).err().unwrap();
        assert!(again.to_string().starts_with(&format!("cannot listen on {}: ", first.address)), "{again}");
    }
}
