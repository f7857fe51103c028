//! Records are lost: deliveries that were promised for later stay promised.

use freshd::model::SlotState;

use super::one_job;
use super::virtual_world::{World, at};

#[test]
fn a_delivery_that_is_due_after_the_loss_is_still_awaited() {
    let stock = "[datasets.stock]\nowner = \"ops\"\nfile = \"stock.csv\"\n\
                 due = { at = \"0 12 * * *\", grace = \"30m\" }\n";
    let jobs = format!("{}{stock}", one_job("produces = \"stock\""));
    let mut world = World::start(&jobs, "2026-03-02T09:30");
    let backup = world.back_up();
    world.run_until("2026-03-02T11:00");
    world.lose_records_since(&backup);
    world.restart();
    let noon = |world: &World| {
        let slots = world.slots("stock");
        slots
            .iter()
            .find(|slot| slot.due_at == at("2026-03-02T12:00"))
            .unwrap()
            .state
    };
    assert_eq!(noon(&world), SlotState::Pending);
    world.run_until("2026-03-02T12:31");
    assert_eq!(noon(&world), SlotState::Late);
}
