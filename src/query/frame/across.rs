use super::load::Frame;

/// How the nodes become the cluster's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// The mean of the nodes: percentages, load, temperature.
    Mean,
    /// Added up: bytes, transfer, counts.
    Sum,
}

/// The whole cluster, bucket by bucket; NaN where no node has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Mean or sum of the nodes that have a value.
    pub line: Vec<f64>,
    /// The node with the smallest mean.
    pub min: Vec<f64>,
    /// The node with the largest mean.
    pub max: Vec<f64>,
    /// How many nodes have a value. A sum over fewer nodes than before is lower for that reason alone.
    pub nodes: Vec<u32>,
}

/// The cluster's line of `frame`, of the nodes' means.
pub fn across(frame: &Frame, how: Across) -> Cluster {
    let len = frame.grid.len;
    let mut cluster =
        Cluster { line: vec![f64::NAN; len], min: vec![f64::NAN; len], max: vec![f64::NAN; len], nodes: vec![0; len] };
    for row in &frame.nodes {
        for (i, value) in row.avg.iter().copied().enumerate().filter(|(_, v)| !v.is_nan()) {
            let first = cluster.nodes[i] == 0;
            cluster.nodes[i] += 1;
            cluster.line[i] = if first { value } else { cluster.line[i] + value };
            // f64::min and max take the number where the other is NaN.
            cluster.min[i] = cluster.min[i].min(value);
            cluster.max[i] = cluster.max[i].max(value);
        }
    }
    if how == Across::Mean {
        for (value, nodes) in cluster.line.iter_mut().zip(&cluster.nodes) {
            *value /= f64::from(*nodes); // 0 nodes: NaN stays NaN
        }
    }
    cluster
}
