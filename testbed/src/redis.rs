//! A Redis of one's own: single, watched by Sentinels, or a cluster.
