use super::*;

/// A guest whose iterations need little room and whose other calls need much.
struct Lean;

async fn roomy() {
    let room = [0_u8; 4096];
    tokio::task::yield_now().await;
    std::hint::black_box(&room);
}

impl GuestCore for Lean {
    type Vu = Self;

    async fn setup(&self, _part: u16, _context: &str) -> Result<String, VuError> {
        Ok(String::new())
    }

    async fn setup_phase(&self, _part: u16, _context: &str) -> Result<String, VuError> {
        Ok(String::new())
    }

    async fn start(&self, _vu: VuInfo, _shared: &str) -> Result<Self, VuError> {
        roomy().await;
        Ok(Self)
    }

    async fn teardown_phase(&self, _part: u16, _shared: &str) -> Result<(), VuError> {
        Ok(())
    }

    async fn teardown(&self, _part: u16, _shared: &str) -> Result<(), VuError> {
        Ok(())
    }
}

impl GuestVu for Lean {
    async fn iterate(&mut self, _ticket: Ticket) -> Result<(), VuError> {
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn finish(&mut self) {
        roomy().await;
    }
}

/// The size of what a function returns.
const fn output_size<A, B, C, D, E, F>(_: fn(A, B, C, D, E) -> F) -> usize {
    size_of::<F>()
}

/// With ten thousand users every line of this is a line to fetch when one of them wakes.
#[test]
fn a_waiting_virtual_user_is_small() {
    let (tickets, size) = (size_of::<Tickets>(), output_size(run_vu::<Lean>));
    assert!(tickets <= 56, "tickets take {tickets} bytes");
    assert!(size <= 512, "a virtual user takes {size} bytes");
}
