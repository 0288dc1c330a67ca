"""The people of one block: who they are, when they are there, which devices they use."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from simulator import texts
from simulator.lines import hex_ids, uuids
from simulator.parameters import ACADEMY, APPS, Plan
from simulator.seeding import Purpose, generator

CONSENT_UNSTATED, CONSENT_GIVEN, CONSENT_DENIED = range(3)


@dataclass
class People:
    """Columns of length n, one entry a person of the block."""

    first: int
    n: int
    country: np.ndarray
    utc_offset_hours: np.ndarray
    consent: np.ndarray
    member: np.ndarray
    daily_visits: np.ndarray
    arrival_day: np.ndarray
    churn_day: np.ndarray
    break_from: np.ndarray
    break_to: np.ndarray
    household: np.ndarray
    device: np.ndarray
    device_shared: np.ndarray
    device_client: np.ndarray
    device_id: pa.StringArray
    academy_id: pa.StringArray
    study_id: pa.StringArray
    sketch_id: pa.StringArray
    log_id: pa.StringArray
    is_linked: np.ndarray
    shares_device: np.ndarray

    @property
    def number(self) -> np.ndarray:
        """The people's numbers in the whole world, from 1."""
        return self.first + 1 + np.arange(self.n)

    def present(self, days: int) -> np.ndarray:
        """Person by day: has arrived, has not left, is not on a long break."""
        day = np.arange(days)
        return (
            (day >= self.arrival_day[:, None])
            & (day < self.churn_day[:, None])
            & ~((day >= self.break_from[:, None]) & (day < self.break_to[:, None]))
        )


def draw_people(plan: Plan, block: int) -> People:
    rng = generator(plan.seed, Purpose.PEOPLE, block)
    b = plan.behaviour
    first = block * plan.block_people
    n = min(plan.block_people, plan.users - first)

    shares = np.array([share for _, share, _, _ in texts.COUNTRIES])
    country = rng.choice(len(shares), n, p=shares / shares.sum())
    member = rng.random((n, len(APPS))) < b.further_app_probability
    member[np.arange(n), rng.choice(len(APPS), n, p=b.home_app_shares)] = True
    spread = b.visit_rate_spread
    rate = np.array(b.daily_visits) * rng.lognormal(-spread * spread / 2, spread, (n, len(APPS)))

    early = rng.random(n) < b.first_week_arrival_share
    last_arrival = max(1, int(plan.days * 0.9))
    arrival = np.where(
        early,
        rng.integers(0, min(7, plan.days), n),
        rng.integers(0, last_arrival, n),
    )
    hazard = rng.exponential(b.churn_hazard_mean, n)
    stay = 1 + np.floor(rng.exponential(1.0, n) / np.maximum(hazard, 1e-6)).clip(0, 10**6)
    stay = np.where(rng.random(n) < b.one_day_share, 1, stay).astype(np.int64)
    break_from = arrival + rng.integers(5, 20, n)
    has_break = rng.random(n) < b.long_break_share
    break_to = np.where(has_break, break_from + rng.integers(28, 36, n), break_from)

    consent = np.full(n, CONSENT_GIVEN)
    u = rng.random(n)
    consent[u < b.consent_unstated_share] = CONSENT_UNSTATED
    consent[u >= 1 - b.consent_denied_share] = CONSENT_DENIED

    device, shared, household, is_sharing = _devices(rng, plan, member[:, ACADEMY])
    devices = int(device.max()) + 1
    handheld = rng.random(devices) < 0.35
    client = np.where(handheld, rng.integers(3, 6, devices), rng.integers(0, 3, devices))
    device_shared = np.zeros(devices, dtype=bool)
    device_shared[shared] = True
    return People(
        first=first,
        n=n,
        country=country,
        utc_offset_hours=np.array([hours for _, _, hours, _ in texts.COUNTRIES])[country],
        consent=consent,
        member=member,
        daily_visits=rate,
        arrival_day=arrival,
        churn_day=arrival + stay,
        break_from=break_from,
        break_to=break_to,
        household=household,
        device=device,
        device_shared=device_shared,
        device_client=client,
        device_id=uuids(rng, devices),
        academy_id=hex_ids(rng, n),
        study_id=uuids(rng, n),
        sketch_id=hex_ids(rng, n, 16),
        log_id=hex_ids(rng, n, 20),
        is_linked=rng.random(n) < b.linked_identity_share,
        shares_device=is_sharing,
    )


def _devices(
    rng: np.random.Generator, plan: Plan, in_academy: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two device numbers a person (the same twice if there is one), which of them are shared,
    each person's household (people who share a device), and who shares."""
    b, n = plan.behaviour, len(in_academy)
    own = np.arange(n)
    second = np.where(rng.random(n) < b.second_device_share, n + own, own)
    device = np.stack([own, second], axis=1)
    household = own.copy()
    is_sharing = np.zeros(n, dtype=bool)
    # Neighbours in pairs: the second of a pair uses the first one's device.
    pairs = np.flatnonzero(rng.random(n // 2) < b.shared_device_share / 2) * 2
    device[pairs + 1, :] = device[pairs, 0][:, None]
    device[pairs, 1] = device[pairs, 0]
    household[pairs + 1] = household[pairs]
    is_sharing[pairs] = is_sharing[pairs + 1] = True
    shared = list(device[pairs, 0])
    # A library computer each: more people than one device may identify.
    for kiosk in range(n // b.people_per_kiosk):
        alone = np.flatnonzero(in_academy & ~is_sharing)
        if len(alone) < 2 * b.kiosk_people:
            break
        users = rng.choice(alone, b.kiosk_people, replace=False)
        device[users, 1] = 2 * n + kiosk
        household[users] = users.min()
        is_sharing[users] = True
        shared.append(2 * n + kiosk)
    return device, np.array(shared, dtype=np.int64), household, is_sharing
