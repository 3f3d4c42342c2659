//! Loads a memcached over its text protocol, which the host does not know: this plugin says what to send and reads what
//! comes back, and the host measures.

mod keys;
mod protocol;
mod settings;
mod values;

use std::time::Duration;

use keys::{Keys, unit};
use protocol::{GET, SET, read_values};
use settings::Settings;
use stresshost_sdk::checks::Check;
use stresshost_sdk::metrics::Rate;
use stresshost_sdk::prelude::*;
use stresshost_sdk::tcp::{Connection, Prepared, Reply, Target};
use values::{is_value, key, value};

struct User {
    settings: Settings,
    keys: Keys,
    set: Prepared,
    get: Prepared,
    multi_get: Prepared,
    hits: Rate,
    right: Check,
}

/// One virtual user.
#[derive(Default)]
pub struct Plugin(Option<User>);

impl Workload for Plugin {
    type Shared = Settings;

    fn describe() -> Descriptor {
        let target = Positional {
            name: "TARGET".into(),
            help: "The server, such as tcp://127.0.0.1:11211".into(),
            required: true,
            target: true,
        };
        let mut flags = settings::flags();
        flags.extend(LoadFlags::flags());
        Descriptor { positionals: vec![target], flags, ..Descriptor::empty() }
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        let (mut problems, mut notes) = (Problems::new(), Vec::new());
        let settings = settings::read(&input, &mut problems);
        let load = LoadFlags::read(&input, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let scenarios = vec![load.scenario("main", "", &mut notes)];
        let workload = stresshost_sdk::serde_json::to_value(settings)
            .map_err(|error| vec![Problem::new("", error.to_string())])?;
        let mut plan = Plan { name: "memcached".into(), scenarios, notes, workload, ..Plan::default() };
        load.apply(&mut plan);
        Ok(plan)
    }

    /// Sets the keys that are to be there when the load begins.
    fn setup(context: SetupContext) -> Result<Settings, Failure> {
        let settings: Settings = stresshost_sdk::serde_json::from_value(context.workload)
            .map_err(|error| Failure::setup(error.to_string()))?;
        let connection = connect(&settings)?;
        let set = prepare_set(connection)?;
        let count = (settings.keys as f64 * settings.prefill).round() as u64;
        (0..count).try_for_each(|number| send_set(set, number, &settings).check())?;
        Ok(settings)
    }

    fn start(_: VuInfo, settings: Settings) -> Result<Self, Failure> {
        let connection = connect(&settings)?;
        Ok(Self(Some(User {
            keys: Keys::new(&settings),
            settings,
            set: prepare_set(connection)?,
            get: connection.exchange("get", GET).slot("keys").prepare()?,
            multi_get: connection.exchange("multi-get", GET).slot("keys").prepare()?,
            hits: Rate::register("hit ratio", "")?,
            right: Check::register("a value is that of its key")?,
        })))
    }

    fn iterate(&mut self, _: Iteration) -> Result<(), Failure> {
        let Some(user) = &self.0 else { return Ok(()) };
        let which = unit();
        let reply = if which < user.settings.sets {
            send_set(user.set, user.keys.draw(), &user.settings)
        } else if which < user.settings.sets + user.settings.multi_gets {
            user.ask(user.multi_get, user.settings.batch)
        } else {
            user.ask(user.get, 1)
        };
        reply.check()
    }
}

impl User {
    /// Asks for `count` keys; tells of each whether it was there, and of each value whether it is the right one.
    fn ask(&self, exchange: Prepared, count: u64) -> Reply {
        let keys: Vec<String> = (0..count).map(|_| key(self.keys.draw())).collect();
        let length = self.settings.value_bytes as usize;
        let mut found = 0;
        let (reply, _) = exchange.send_and_read(&[keys.join(" ").as_bytes()], |reading| {
            read_values(reading, |key, value| {
                found += 1;
                let was_asked_for = keys.iter().any(|asked| asked.as_bytes() == key);
                self.right.mark(was_asked_for && is_value(value, key, length));
            })
        });
        // What a failed operation did not bring is no miss.
        if reply.ok() {
            (0..count).for_each(|number| self.hits.observe(number < found));
        }
        reply
    }
}

fn connect(settings: &Settings) -> Result<Connection, Failure> {
    Target::new(&settings.address).timeout(Duration::from_millis(settings.timeout_ms)).open()
}

fn prepare_set(connection: Connection) -> Result<Prepared, Failure> {
    let set = connection.exchange("set", SET).slot("key").slot("length").slot("value");
    set.until("\r\n").expect_start("STORED\r\n").prepare()
}

fn send_set(set: Prepared, number: u64, settings: &Settings) -> Reply {
    let key = key(number);
    let value = value(key.as_bytes(), settings.value_bytes as usize);
    set.send(&[key.as_bytes(), settings.value_bytes.to_string().as_bytes(), &value])
}

stresshost_sdk::export!(Plugin);
