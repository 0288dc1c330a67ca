"""Who is signed in when: anonymous visits that later log in, logouts, shared devices."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator.academy.kinds import USER_LOGIN, USER_LOGOUT
from simulator.lines import pick
from simulator.parameters import Plan
from simulator.people import People
from simulator.timeline import Rows, last_seen
from simulator.visits import Visits


@dataclass
class Logins:
    """Who is signed in when, visit by visit."""

    device: np.ndarray
    registered: np.ndarray
    signed_in_before: np.ndarray
    logs_in: np.ndarray
    logs_out: np.ndarray
    login_order: np.ndarray


def log_in(rng: np.random.Generator, plan: Plan, people: People, visits: Visits) -> Logins:
    b = plan.behaviour
    n, person = len(visits), visits.person
    registered = rng.random(people.n) < b.registration_probability
    registers_at = np.minimum(rng.geometric(0.6, people.n) - 1, 4)
    registered |= people.shares_device
    registers_at[people.shares_device] = 0

    device = people.device[person, (rng.random(n) < 0.3).astype(np.int64)]
    shared = people.device_shared[device]
    able = registered[person] & (visits.rank >= registers_at[person])
    wants = able & (
        (rng.random(n) < b.login_when_logged_out_probability)
        | (visits.rank == registers_at[person])
        | shared
    )
    logs_out = able & (rng.random(n) < np.where(shared, 0.9, b.logout_probability))

    # Signed in at the end = as the latest visit that changed it left it, on this device.
    order = np.lexsort((visits.start, person, device))
    key = device[order] * np.int64(people.n) + person[order]
    latest = last_seen((wants | logs_out)[order], key)
    at_end = np.where(latest >= 0, (wants & ~logs_out)[order][latest], False)
    before = np.zeros(n, dtype=bool)
    same = np.r_[False, key[1:] == key[:-1]]
    before[order] = np.r_[False, at_end[:-1]] & same
    before &= ~shared
    logs_in = wants & ~before

    # Where a shared device was left signed in, the next person signs in before anything else.
    left_open = np.zeros(n, dtype=bool)
    by_device = np.lexsort((visits.start, device))
    stays_open = (logs_in & ~logs_out)[by_device]
    same_device = np.r_[False, device[by_device][1:] == device[by_device][:-1]]
    left_open[by_device] = np.r_[False, stays_open[:-1]] & same_device
    login_order = np.where(left_open & shared, -1.0, rng.uniform(0.5, 30.0, n))
    return Logins(device, registered, before, logs_in, logs_out & (before | logs_in), login_order)


def signed_in_rows(rows: Rows, logins: Logins) -> np.ndarray:
    """Whether a row was sent by somebody signed in; a login is, a logout still is."""
    logged_in = last_seen(rows.kind == USER_LOGIN, rows.visit) >= 0
    return logins.signed_in_before[rows.visit] | logged_in


def login_truth(plan: Plan, people: People, logins: Logins, visits: Visits, rows: Rows) -> pa.Table:
    at = rows.of(USER_LOGIN, USER_LOGOUT)
    visit = rows.visit[at]
    return pa.table(
        {
            "person": people.number[visits.person[visit]],
            "device": people.device_id.take(pa.array(logins.device[visit])),
            "at": pa.array(rows.time[at] + plan.start_ms).cast(pa.timestamp("ms")),
            "action": pick(
                pa.array(["login", "logout"]), (rows.kind[at] == USER_LOGOUT).astype(np.int8)
            ),
        }
    )
