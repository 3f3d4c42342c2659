//! Uses handles of `sql` that it was never given, in every function that takes one.

use stresshost_sdk::bindings::stresshost::workload::sql;
use stresshost_sdk::checks::Check;
use stresshost_sdk::random;

/// The error `invalid`, as an answer holds it.
fn is_invalid(answer: u64) -> bool {
    let error = u32::try_from(answer >> 48).unwrap_or(u32::MAX);
    (answer >> 32) & 0xffff == 0 && sql::error_name(error) == "invalid"
}

stresshost_guests::iterates!("sql_handles", || {
    let mut held = [true; 4];
    for attempt in 0..200 {
        let forged = match attempt {
            0 => 0,
            1 => u32::MAX,
            _ => u32::try_from(random::next() >> 32).unwrap_or(7),
        };
        held[0] &= is_invalid(sql::execute(forged, &[sql::Value::Null]))
            && is_invalid(sql::query(forged, &[]))
            && is_invalid(sql::run(forged, "run", "SELECT 1"));
        held[1] &= is_invalid(sql::begin(forged, &[("isolation", "odd")]))
            && is_invalid(sql::commit(forged))
            && is_invalid(sql::rollback(forged));
        held[2] &= sql::server(forged).is_empty()
            && sql::pool(forged).is_none()
            && sql::parameters(forged).is_empty()
            && sql::prepare(forged, sql::Statement { name: "x", text: "SELECT 1", options: &[] }).is_err();
        sql::close(forged);
        held[3] &= sql::rows(forged) == 0
            && sql::columns(forged).is_empty()
            && sql::row(forged, forged).is_none()
            && sql::duration_us(forged) == 0
            && sql::error_code(forged).is_empty()
            && sql::error_text(forged).is_empty();
    }
    for (name, held) in ["statements", "transactions", "connections", "results"].into_iter().zip(held) {
        Check::register(name)?.mark(held);
    }
    stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(5));
    Ok(())
});
