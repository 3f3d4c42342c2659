//! The seam between the typed wrappers and whoever answers them: the host in a component, the fake host of
//! [`crate::testing`] in a native test.

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::bindings::stresshost::workload::{
    artifacts, checks, data, failures, findings, http, log, metrics, mongo, pacing, random, redis, sql, tcp,
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::backend::{
    artifacts, checks, data, failures, findings, http, log, metrics, pacing, random,
};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::mongo::backend as mongo;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::redis::backend as redis;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::sql::backend as sql;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::tcp::backend as tcp;
