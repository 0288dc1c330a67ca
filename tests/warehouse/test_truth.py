"""The simulator knows what it planted; the tables find it again: visits, and whose they are.

Funnels, retention and propensities have modules of their own. docs/evidence.md shows the numbers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest

from tests.warehouse.planted import assert_documented, registry


def test_every_visit_of_those_who_consent_is_found(planted):
    """Who began it, when, when it ended, how much was done and for how long."""
    found = {
        (app, session): counts
        for app, session, *counts in planted.query(
            "select source_app, cast(client_session_id as varchar),"
            " list((started_at, ended_at, deed_count, round(coalesce(active_us, 0) / 1e6, 2)))"
            " from intermediate.int_sessions where client_session_id is not null group by all"
        )
    }
    visits = defaultdict(list)
    for row in planted.truth("sessions"):
        if row["person"] in planted.consenting:
            seconds = round(row["active_seconds"] or 0, 2)
            session = planted.key("session", row["source_app"], row["client_session_id"])
            visits[row["source_app"], session].append(
                (row["started_at"], row["ended_at"], row["activity_events"], seconds)
            )
    assert_documented(f"| visits: begin, end, deeds, active seconds | {len(visits):,} | 0 |")
    for visit, parts in visits.items():
        [these] = found[visit]
        assert [part[:3] for part in sorted(these)] == [part[:3] for part in sorted(parts)]
        for ours, theirs in zip(sorted(these), sorted(parts), strict=True):
            assert ours[3] == pytest.approx(theirs[3], abs=0.011)


@pytest.mark.parametrize("app", ["studyin", "sketchychain"])
def test_where_everybody_is_signed_in_as_many_are_active_as_were(planted, app):
    """Each day, and each visit of who denies consent is somebody of its own."""
    people, strangers = Counter(), Counter()
    for row in planted.truth("active_days"):
        if row["source_app"] == app and row["person"] in planted.consenting:
            people[row["date"]] += 1
    of_visit = defaultdict(set)
    for row in planted.truth("sessions"):
        if row["source_app"] == app and row["person"] not in planted.consenting:
            for at in ("started_at", "ended_at"):
                of_visit[row[at].date()].add(row["client_session_id"])
    strangers.update({day: len(visits) for day, visits in of_visit.items()})
    found = planted.query(
        "select activity_date, dau - unrecognised_users, unrecognised_users from active_users"
        f" where source_app = '{app}' and breakdown_name = 'all'"
    )
    assert {day: count for day, count, _ in found if count} == +people
    assert {day: count for day, _, count in found if count} == +strangers
    assert_documented(f"| days of people in {app} | {people.total():,} | 0 |")
    assert strangers.total() > 40


def test_everything_that_is_done_on_an_own_device_is_attributed_by_the_rules(planted):
    """The academy's rules of identity, told once more from the logins that were planted.

    Signed in, it is the person. Else it is whoever signs in next on the device, within 30 days; or
    who did last, if nobody does again; or the device's, if nobody ever did.
    """
    logins = defaultdict(list)
    for row in planted.truth("logins"):
        if row["action"] == "login":
            logins[row["device"]].append(row["at"])
    person_of_event = events_with_persons(planted, "academy")
    is_activity = {name: row["is_activity"] == "true" for name, row in registry("academy").items()}
    outcomes: Counter = Counter()
    days = set()
    for event in planted.landed("academy"):
        person = planted.person_of_visit[event["sessionId"]]
        one = planted.people[person]
        if person not in planted.consenting or one["shares_device"]:
            continue
        device = event["metadata"]["anonymousId"]
        at = time_of(event)
        later = [login for login in logins[device] if login >= at]
        if event["userId"] == one["academy_user_id"]:
            rule, owner = "signed in", person
        elif not logins[device]:
            rule, owner = "nobody signed in", planted.key("anonymous", "academy", device)
        elif not later:
            rule, owner = "signed in before", person
        elif min(later) - at > timedelta(days=30):
            rule, owner = "signed in too late", planted.key("anonymous", "academy", device)
        else:
            rule, owner = "signed in next", person
        assert person_of_event[event["id"]] == owner, rule
        outcomes[rule] += 1
        if is_activity[event["eventType"].lower()]:
            days.add((owner, at.date()))
    assert set(outcomes) == {
        "signed in", "signed in next", "signed in before", "signed in too late", "nobody signed in",
    }  # fmt: skip
    found_days = {
        (planted.person_of_key.get(person, person), day)
        for person, day in planted.query(
            "select cast(person_key as varchar), stat_date from intermediate.int_person_days"
            " where source_app = 'academy' and deed_count > 0"
        )
    }
    owners = {owner for owner, _ in days}
    assert {(owner, day) for owner, day in found_days if owner in owners} == days
    assert_documented(
        f"| events of the academy on people's own devices | {outcomes.total():,} | 0 |",
        f"| days of people in the academy, on their own devices | {len(days):,} | 0 |",
    )


def test_on_a_shared_device_few_deeds_go_to_another_person(planted):
    """Who forgets to sign in on a family's tablet is taken for another of the family."""
    person_of_event = events_with_persons(planted, "academy")
    right = Counter()
    for event in planted.landed("academy"):
        person = planted.person_of_visit[event["sessionId"]]
        if person in planted.consenting and planted.people[person]["shares_device"]:
            found = person_of_event[event["id"]]
            signed_in = event["userId"] == planted.people[person]["academy_user_id"]
            right[signed_in, found == person] += 1
    assert right[True, False] == 0
    assert 0 < right[False, False] < 0.1 * right.total()
    wrong, total = right[False, False], right.total()
    assert_documented(f"| events of the academy on shared devices | {total:,} | {wrong:,} |")


def test_visitors_are_somebody_else_each_visit(planted):
    """In the interaction log a visit without a user is all that identifies a visitor."""
    person_of_visit = {}
    for session, person in planted.query(
        "select distinct cast(client_session_id as varchar), cast(person_key as varchar)"
        " from events where source_app = 'interaction_log'"
    ):
        assert person_of_visit.setdefault(session, person) == person
    strangers = []
    for session, user in {(e["sessionId"], e["userId"]) for e in planted.landed("interaction_log")}:
        person = planted.person_of_visit[session]
        if person in planted.consenting:
            found = person_of_visit[planted.key("session", "interaction_log", session)]
            if user is None:
                strangers.append(found)
                assert found not in planted.person_of_key
            else:
                assert planted.person_of_key[found] == person
    assert len(strangers) == len(set(strangers))
    assert_documented(f"| visits of visitors to the interaction log | {len(strangers):,} | 0 |")


def test_accounts_are_one_person_where_a_mapping_says_so(planted):
    """The last dump's mappings join the accounts that they name, and nothing else is joined."""
    dumps = sorted((planted.folder / "landing/academy/user_identity_mappings").rglob("part-*"))
    joined = {row["userId"]: row["externalSystemIds"] for row in planted.records(dumps[-1])}
    found = defaultdict(set)
    for app, user, person in planted.query(
        "select distinct source_app, cast(user_key as varchar), cast(person_key as varchar)"
        " from events where user_key is not null and consent_mode = 'full'"
    ):
        found[app, user].add(person)
    counts = Counter()
    for number in planted.consenting:
        one = planted.people[number]
        mapped = joined.get(one["academy_user_id"], {})
        for app in ("academy", "studyin", "sketchychain", "interaction_log"):
            own = planted.key("user", app, one[f"{app}_user_id"])
            if (app, own) in found:
                wanted = planted.key("user", "academy", one["academy_user_id"])
                assert found[app, own] == {wanted if app in mapped else own}
                counts[app in mapped] += 1
    assert counts[False] > 100
    assert_documented(f"| accounts that a mapping joins to the academy's | {counts[True]:,} | 0 |")


@pytest.mark.parametrize("app", ["academy", "interaction_log"])
def test_where_people_come_without_account_one_is_counted_as_several(planted, app):
    """Not an error that any rule could mend, but how large it is should be known."""
    true_days = [
        row["person"]
        for row in planted.truth("active_days")
        if row["source_app"] == app and row["person"] in planted.consenting
    ]
    [(day_count,)] = planted.query(
        "select sum(dau - unrecognised_users) from active_users"
        f" where source_app = '{app}' and breakdown_name = 'all'"
    )
    [(person_count,)] = planted.query(
        "select count(distinct person_key) from intermediate.int_person_days"
        f" where source_app = '{app}' and deed_count > 0 and consent_mode = 'full'"
    )
    assert_documented(
        f"| {app} | {len(true_days):,} | {day_count:,} | {len(set(true_days))} | {person_count} |"
    )


def events_with_persons(planted, app: str) -> dict[str, int | str]:
    """event id → whose it is in the tables: a person of the truth, or else a key."""
    return {
        event: planted.person_of_key.get(person, person)
        for event, person in planted.query(
            f"select event_id, cast(person_key as varchar) from events where source_app = '{app}'"
        )
    }


def time_of(event: dict) -> datetime:
    return datetime.fromisoformat(event.get("timestamp") or event["createdAt"]).replace(tzinfo=None)
