use std::path::PathBuf;

use clap::Args;

/// `nodebook serve`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nodebook serve
  nodebook serve --source http://vm:8428
  curl -s 'http://127.0.0.1:9464/api/query?metric=cpu_percent&last=1h&step=1m&agg=avg,max'
  curl -s 'http://127.0.0.1:9464/api/sql?format=csv' --data 'SELECT count(*) FROM samples'

Paths:
  /             the report of the last hour, kept up to date; last, range, from, to, node, metric, label, compare
  /findings     what was found in the last day; /report: the same with charts to zoom; /reports: what batches made
  /healthz      whether the database can be read, and its latest sample; needs no token
  /metrics      what the server itself does, in the Prometheus text format
  /api/series   which series there are (node, metric, label)
  /api/query    series in buckets: node, metric, label; last, range, from, to; step, agg, format=json|csv
  /api/sql      a query as `q`, or as the body of a POST; format=json|jsonl|csv, time_limit; the rules of `nodebook sql`

Of an engine (--source), pages follow every five seconds, /api/series tells those of a range, and /api/sql is asked of the samples of a range and selection \
(last, range, from, to, node, metric, label). What batches have made is looked up in the database in any case.

An address that other machines reach needs a token (serve.token_file), sent as `Authorization: Bearer TOKEN` or as the password of any user; \
serve.certificate and serve.key make it private (TLS). Names other than localhost and the address are to be listed in serve.hosts.")]
pub struct ServeArgs {
    /// Where to listen: HOST:PORT, or a port of this machine alone [default: `serve.listen`, then 127.0.0.1:9464]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,

    /// File with the token that clients need [default: `serve.token_file`]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}
