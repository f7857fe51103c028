//! People ask, and are answered.

use freshd::model::{Event, Reply, Request};

use super::{World, at};

impl World {
    /// A person asks.
    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        self.sequence += 1;
        let id = self.sequence;
        self.handle(Event::Requested {
            id,
            by: "anna".to_owned(),
            request,
        });
        self.replies.pop().expect("an answer")
    }

    /// A person asks, and is not answered at once.
    pub(crate) fn ask_and_hear_nothing(&mut self, request: Request) {
        self.sequence += 1;
        self.handle(Event::Requested {
            id: self.sequence,
            by: "anna".to_owned(),
            request,
        });
    }

    /// Reads what is stored.
    pub(crate) fn reader(&self) -> freshd::store::Reader {
        freshd::store::Reader::open(&self.state_dir()).expect("the store is read")
    }

    /// How large the database is, once the daemon is gone.
    pub(crate) fn database_bytes(&self) -> u64 {
        let file = self.state_dir().join(freshd::store::DATABASE_FILE);
        std::fs::metadata(file).expect("a database").len()
    }

    /// A number that the database has the answer to.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let file = self.state_dir().join(freshd::store::DATABASE_FILE);
        let connection = rusqlite::Connection::open(file).expect("the database opens");
        connection.query_row(sql, [], |row| row.get(0)).expect("a number")
    }

    /// The next start finds this wall clock.
    pub(crate) fn clock_at_restart(&mut self, wall: &str) {
        self.clock_at_restart = Some(at(wall));
    }

    /// An operator confirms the clock, and is answered.
    pub(crate) fn confirm_clock(&mut self) -> Reply {
        self.confirm_clock_and_hear_nothing();
        self.replies.pop().expect("an answer")
    }

    /// An operator confirms the clock of a daemon that may die of it.
    pub(crate) fn confirm_clock_and_hear_nothing(&mut self) {
        let ahead = self.reader().ahead(self.now.wall).expect("the store is read");
        self.sequence += 1;
        self.handle(Event::ClockConfirmed {
            id: self.sequence,
            by: "anna".to_owned(),
            because: "the battery was empty".to_owned(),
            ahead,
        });
    }

    /// What is beyond `[history]` is forgotten: the round begins now, and goes on with time.
    pub(crate) fn prune(&mut self) {
        self.sequence += 1;
        self.handle(Event::Prune {
            files: true,
            asked: Some(self.sequence),
        });
    }

    /// A person asks, and is answered with what was done.
    pub(crate) fn done(&mut self, request: Request) -> serde_json::Value {
        match self.ask(request) {
            Reply::Done(facts) => facts,
            Reply::Refused(why) => panic!("refused: {why}"),
        }
    }
}
