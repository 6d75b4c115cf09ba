//! TCP to a host with several addresses, as RFC 8305 says (REQ-CONN-25).

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use crate::wire::options::NEXT_ADDRESS_AFTER;

/// A connection to the first address that answers.
pub(super) async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port)).await?;
    let tcp = race(mixed(found.collect()), TcpStream::connect).await?;
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

/// The addresses with their families in turn, in the order in which the system gave them.
fn mixed(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|it| it.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let before = mixed.len();
        mixed.extend(first.next());
        mixed.extend(second.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

/// Tries addresses one after another, each beside those that are still silent.
async fn race<T, F: Future<Output = io::Result<T>>>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> io::Result<T> {
    let mut left = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        attempts.extend(left.next().map(&connect));
        if attempts.is_empty() {
            return Err(failure);
        }
        let pause = async {
            if left.len() > 0 {
                tokio::time::sleep(NEXT_ADDRESS_AFTER).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            done = attempts.next() => match done {
                Some(Ok(open)) => return Ok(open),
                Some(Err(error)) => failure = error,
                None => {}
            },
            () = pause => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use super::{mixed, race};

    fn addresses(words: &[&str]) -> Vec<SocketAddr> {
        words
            .iter()
            .map(|word| word.parse().expect("an address"))
            .collect()
    }

    #[test]
    fn req_conn_25_the_families_take_turns() {
        let found = addresses(&["[::1]:1", "[::2]:1", "1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "3.3.3.3:1"]);
        assert_eq!(mixed(found), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn req_conn_25_an_address_that_does_not_answer_costs_a_quarter_of_a_second() {
        let began = tokio::time::Instant::now();
        let found = addresses(&["[::1]:1", "1.1.1.1:1"]);
        let open = race(found, |address| async move {
            if address.is_ipv6() {
                std::future::pending::<()>().await;
            }
            Ok(address.to_string())
        });
        assert_eq!(open.await.expect("the second answers"), "1.1.1.1:1");
        assert_eq!(began.elapsed().as_millis(), 250);
    }

    #[tokio::test(start_paused = true)]
    async fn req_conn_25_an_address_that_refuses_costs_nothing() {
        let began = tokio::time::Instant::now();
        let refused = |_| async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
        let error = race(addresses(&["[::1]:1", "1.1.1.1:1"]), refused).await;
        let kind = error.expect_err("both refuse").kind();
        assert_eq!(
            (kind, began.elapsed().as_millis()),
            (io::ErrorKind::ConnectionRefused, 0)
        );
    }
}
