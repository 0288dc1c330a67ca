"""SketchyChain's table of sketches, as each dump shows it."""

import numpy as np

from simulator.feeds import Versions
from simulator.lines import fill, pick
from simulator.sketchychain.kinds import CREATE, JOIN, MODIFY, SUBMIT, VIEW
from simulator.sketchychain.records import SketchRecords
from simulator.sketchychain.units import Studio
from simulator.timeline import rank_within


def sketch_extract(studio: Studio, records: SketchRecords) -> Versions:
    """The state of every sketch at each dump before which it had changed."""
    rows, plan, visits, people = studio.rows, studio.plan, studio.visits, studio.people
    shape = (len(records.sketch_id), len(plan.dump_days()))
    sketch = studio.sketch[rows.visit]
    creation = np.full(shape[0], -1)
    made = rows.of(CREATE)
    creation[sketch[made]] = made
    touching = rows.of(CREATE, VIEW, MODIFY, SUBMIT, JOIN)
    touching = touching[creation[sketch[touching]] >= 0]

    def total(at: np.ndarray) -> np.ndarray:
        """How many of these rows there had been, sketch by dump."""
        table = np.zeros(shape, dtype=np.int64)
        np.add.at(table, (sketch[at], plan.dump_of(rows.time[at])), 1)
        return np.cumsum(table, axis=1)

    def touched(kind: int) -> np.ndarray:
        return touching[rows.kind[touching] == kind]

    changed = np.full(shape, -1, dtype=np.int64)
    np.maximum.at(
        changed, (sketch[touching], plan.dump_of(rows.time[touching])), rows.time[touching]
    )
    which, dump = np.nonzero(changed >= 0)
    # Each person counts once among a sketch's collaborators, from when they first joined.
    joined = touched(JOIN)
    pair = sketch[joined] * np.int64(people.n) + visits.person[rows.visit[joined]]
    collaborators = joined[rank_within(pair) == 0]
    created = creation[which]
    return Versions(
        "sketchychain",
        "sketches",
        which,
        changed[which, dump],
        fill(
            '{"sketch_id":"@id@","creator_user_id":"@user@","creation_time":"@created@",'
            '"last_modified":"@changed@","collaborator_count":@collaborators@,'
            '"prompt_count":@prompts@,"view_count":@views@,"complexity_score":@complexity@}\n',
            id=pick(records.sketch_id, which),
            user=pick(people.sketch_id, visits.person[rows.visit[created]]),
            created=records.clock.iso(rows.time[created]),
            changed=records.clock.iso(changed[which, dump]),
            collaborators=total(collaborators)[which, dump],
            prompts=total(touched(SUBMIT))[which, dump],
            views=total(touched(VIEW))[which, dump],
            complexity=records.complexity[which],
        ),
    )
