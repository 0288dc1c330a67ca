"""The academy's own tables, row version by row version."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulator import texts
from simulator.academy.kinds import LLM_EVALUATION, LLM_RESPONSE, PROMPT_FAVORITE, PROMPT_SAVE
from simulator.academy.records import AcademyRecords
from simulator.academy.units import Academy
from simulator.feeds import Versions
from simulator.lines import fill, json_texts, optional, pick, uuids
from simulator.parameters import ACADEMY, APPS, DAY_MS
from simulator.timeline import last_seen, rank_within
from simulator.world import CRITERIA

NEVER = np.iinfo(np.int64).max
_PROMPT_ROW = (
    '{"id":"@id@","userId":"@user@","promptText":@text@,"version":@version@,"createdAt":"@created@",'
    '"updatedAt":"@updated@","isFavorite":@favorite@}\n'
)
_EVALUATION = ",".join(
    f'"{name}":{{"score":@s{i}@,"feedback":@f{i}@}}' for i, name in enumerate(CRITERIA)
)


def academy_extracts(
    rng: np.random.Generator, academy: Academy, records: AcademyRecords
) -> list[Versions]:
    # An account begins with its first event.
    created = np.full(academy.people.n, NEVER)
    at = np.flatnonzero(academy.signed_in)
    np.minimum.at(created, academy.person[at], academy.rows.time[at])
    return [
        _users(rng, academy, records, created),
        _profiles(rng, academy, records),
        _mappings(rng, academy, created),
        _prompts(academy, records),
        _evaluations(rng, academy, records),
        _results(rng, academy, records),
    ]


def _users(
    rng: np.random.Generator, academy: Academy, records: AcademyRecords, created: np.ndarray
) -> Versions:
    """Accounts; some people change their name and picture later."""
    who = np.flatnonzero(created < NEVER)
    changed = who[rng.random(len(who)) < 0.3]
    later = created[changed] + rng.integers(1, 30, len(changed)) * DAY_MS
    entity = np.concatenate([who, changed])
    since = np.concatenate([created[who], later])
    is_changed = np.arange(len(entity)) >= len(who)
    number = academy.people.number[entity]
    return Versions(
        "academy",
        "users",
        entity,
        since,
        fill(
            '{"id":"@id@","name":"Invented Person @n@@suffix@","email":"@mail@",'
            '"image":"https://images.example.com/people/@n@.png","createdAt":"@created@",'
            '"updatedAt":"@updated@"}\n',
            id=pick(academy.people.academy_id, entity),
            n=number,
            suffix=optional(is_changed, pa.array([" Renamed"] * len(entity), pa.string())),
            mail=pa.array([texts.email(x) for x in number.tolist()], pa.string()),
            created=records.clock.iso(created[entity]),
            updated=records.clock.iso(since),
        ),
    )


def _profiles(rng: np.random.Generator, academy: Academy, records: AcademyRecords) -> Versions:
    """Devices; a device's user is the latest one that was signed in on it."""
    people, rows, clock = academy.people, academy.rows, records.clock
    device = academy.logins.device[rows.visit]
    by_device = np.lexsort((rows.time, device))
    device, time = device[by_device], rows.time[by_device]
    named = last_seen(academy.signed_in[by_device], device)
    owner = np.where(named >= 0, academy.person[by_device][named], -1)
    is_first = np.r_[True, device[1:] != device[:-1]]
    first_seen = time[np.maximum.accumulate(np.where(is_first, np.arange(len(time)), 0))]
    dump = academy.plan.dump_of(time)
    is_last = np.r_[(device[1:] != device[:-1]) | (dump[1:] != dump[:-1]), True]
    device, owner, time, first_seen = (
        column[is_last] for column in (device, owner, time, first_seen)
    )
    user = fill('"@u@"', u=pick(people.academy_id, np.maximum(owner, 0)))
    return Versions(
        "academy",
        "anonymous_tracking_profiles",
        device,
        time,
        fill(
            '{"id":"@id@","anonymousId":"@anonymous@","userId":@user@,"firstSeen":"@first@",'
            '"lastSeen":"@last@","metadata":{"source":"tracker"}}\n',
            id=pick(uuids(rng, len(people.device_id)), device),
            anonymous=pick(people.device_id, device),
            user=pc.if_else(pa.array(owner >= 0), user, "null"),
            first=clock.iso(first_seen),
            last=clock.iso(time),
        ),
    )


def _mappings(rng: np.random.Generator, academy: Academy, created: np.ndarray) -> Versions:
    """People whose accounts in other apps are known, from some time after their first event."""
    people = academy.people
    several = people.member.sum(axis=1) > 1
    linked = np.flatnonzero(
        (created < NEVER) & people.member[:, ACADEMY] & people.is_linked & several
    )
    elsewhere = [
        optional(people.member[linked, app], fill(f',"{APPS[app]}":"@id@"', id=pick(ids, linked)))
        for app, ids in enumerate((None, people.study_id, people.sketch_id, people.log_id))
        if ids is not None
    ]
    external = pc.utf8_slice_codeunits(pc.binary_join_element_wise(*elsewhere, ""), 1)
    return Versions(
        "academy",
        "user_identity_mappings",
        linked,
        created[linked] + rng.integers(0, 20, len(linked)) * DAY_MS,
        fill(
            '{"userId":"@user@","externalSystemIds":{@external@}}\n',
            user=pick(people.academy_id, linked),
            external=external,
        ),
    )


def _prompts(academy: Academy, records: AcademyRecords) -> Versions:
    """A draft row per person, overwritten by every evaluation, and a row per saved prompt."""
    people, rows, clock, person = academy.people, academy.rows, records.clock, academy.person
    at = records.where[LLM_EVALUATION]
    at = at[academy.signed_in[at]]
    at = at[np.lexsort((rows.time[at], person[at]))]
    who = person[at]
    version = rank_within(who) + 1
    created = np.zeros(people.n, dtype=np.int64)
    created[who[version == 1]] = rows.time[at[version == 1]]
    user = pick(people.academy_id, who)
    drafts = fill(
        _PROMPT_ROW,
        id=fill("@u@-temp", u=user),
        user=user,
        text=pick(records.prompt_texts, records.text_of_prompt[rows.ref[at]]),
        version=version,
        created=clock.iso(created[who]),
        updated=clock.iso(rows.time[at]),
        favorite="false",
    )

    saved, stars = records.where[PROMPT_SAVE], records.where[PROMPT_FAVORITE]
    starred_at = np.full(len(records.saved_id), NEVER)
    starred_at[rows.ref[stars]] = rows.time[stars]
    starred = saved[starred_at[rows.ref[saved]] < NEVER]
    kept = np.concatenate([saved, starred])
    unit = rows.ref[kept]
    is_star = np.arange(len(kept)) >= len(saved)
    since = np.where(is_star, starred_at[unit], rows.time[kept])
    library = fill(
        _PROMPT_ROW,
        id=pick(records.saved_id, unit),
        user=pick(people.academy_id, person[kept]),
        text=pick(records.prompt_texts, records.text_of_prompt[unit]),
        version="1",
        created=clock.iso(rows.time[kept]),
        updated=clock.iso(since),
        favorite=is_star,
    )
    return Versions(
        "academy",
        "prompts",
        np.concatenate([who, people.n + unit]),
        np.concatenate([rows.time[at], since]),
        pa.concat_arrays([drafts, library]),
    )


def _evaluations(rng: np.random.Generator, academy: Academy, records: AcademyRecords) -> Versions:
    at = records.where[LLM_EVALUATION]
    stored = academy.signed_in[at]
    scores = academy.evaluations.scores[stored]
    at = at[stored]
    k = len(at)
    feedback = json_texts(texts.EVALUATION_FEEDBACK)
    line = fill(
        '{"id":"@id@","promptId":"@user@-temp","evaluationData":{'
        + _EVALUATION
        + '},"evaluatedAt":"@time@"}\n',
        id=uuids(rng, k),
        user=pick(academy.people.academy_id, academy.person[at]),
        time=records.clock.iso(academy.rows.time[at]),
        **{f"s{i}": scores[:, i] for i in range(len(CRITERIA))},
        **{
            f"f{i}": pick(feedback, rng.integers(0, len(feedback), k)) for i in range(len(CRITERIA))
        },
    )
    return Versions(
        "academy", "prompt_evaluations", np.arange(k), academy.rows.time[at], line, only_new=True
    )


def _results(rng: np.random.Generator, academy: Academy, records: AcademyRecords) -> Versions:
    at = records.where[LLM_RESPONSE]
    at = at[academy.signed_in[at]]
    k = len(at)
    line = fill(
        '{"id":"@id@","promptId":"@user@-temp","resultText":@text@,"generatedAt":"@time@"}\n',
        id=uuids(rng, k),
        user=pick(academy.people.academy_id, academy.person[at]),
        text=pick(json_texts(texts.RESULTS), rng.integers(0, len(texts.RESULTS), k)),
        time=records.clock.iso(academy.rows.time[at]),
    )
    return Versions(
        "academy", "prompt_results", np.arange(k), academy.rows.time[at], line, only_new=True
    )
