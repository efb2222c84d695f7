"""Rules of campaigns that need no database: the state machine, field checks, names of copies."""

from datetime import UTC, datetime, timedelta

import pytest

from wa_app.errors import Conflict
from wa_app.kit import media
from wa_app.kit.ids import new_id
from wa_app.models.outbound import Campaign, CampaignStatus
from wa_app.schemas.campaigns import Counts
from wa_app.services.campaigns import checks, editing, preview, states

S = CampaignStatus


def campaign(status: CampaignStatus = S.DRAFT, **fields: object) -> Campaign:
    return Campaign(tenant_id=new_id(), name="Promo", status=status, target={"all": True}, **fields)


ALLOWED = {
    "edit": {S.DRAFT}, "start": {S.DRAFT}, "schedule": {S.DRAFT}, "pause": {S.PENDING, S.PROCESSING},
    "resume": {S.PAUSED}, "cancel": {S.PENDING, S.PROCESSING, S.PAUSED},
    "retry": {S.PROCESSING, S.PAUSED, S.COMPLETED}, "resolve": {S.PROCESSING, S.PAUSED, S.COMPLETED, S.CANCELLED},
    "delete": {S.DRAFT, S.COMPLETED, S.CANCELLED},
}  # fmt: skip


@pytest.mark.parametrize("verb", ALLOWED)
@pytest.mark.parametrize("status", S)
def test_each_verb_fits_its_states_and_no_other(verb: str, status: CampaignStatus) -> None:
    begun = campaign(status, started_at=datetime.now(UTC))
    if status in ALLOWED[verb]:
        states.demand(begun, verb)
        return
    with pytest.raises(Conflict) as refused:
        states.demand(begun, verb)
    assert refused.value.code == f"campaign_cannot_{verb}"


def test_a_campaign_that_waits_for_its_time_may_still_change() -> None:
    waiting = campaign(S.PENDING, scheduled_at=datetime.now(UTC) + timedelta(hours=1))
    assert states.may(waiting, "edit")
    assert states.may(waiting, "schedule")
    assert not states.may(waiting, "start")


@pytest.mark.parametrize(("planned", "status"), [(True, S.PROCESSING), (False, S.PENDING)])
def test_resuming_goes_on_where_it_was(planned: bool, status: CampaignStatus) -> None:
    assert states.resumed(campaign(S.PAUSED, planned_at=datetime.now(UTC) if planned else None)) == status


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({}, []),
        ({"delay_min_s": 0, "delay_max_s": 0}, []),
        ({"delay_min_s": 5, "delay_max_s": 4}, ["delay_max_below_min"]),
        ({"delay_max_s": 3601}, ["delay_out_of_range"]),
    ],
)
def test_says_which_fields_make_no_sense(fields: dict[str, int], codes: list[str]) -> None:
    assert [one.code for one in checks.field_problems(campaign(**fields))] == codes


def test_a_name_is_needed_and_has_an_end() -> None:
    draft = campaign()
    draft.name = "  "
    assert [one.code for one in checks.field_problems(draft)] == ["campaign_name_missing"]
    draft.name = "x" * 121
    assert [one.code for one in checks.field_problems(draft)] == ["campaign_name_too_long"]


def test_a_past_time_is_refused_and_a_naive_one_too() -> None:
    now = datetime.now(UTC)
    late = checks.schedule_problem(now - timedelta(minutes=1))
    naive = checks.schedule_problem(now.replace(tzinfo=None))
    assert (late and late.code, naive and naive.code) == ("schedule_in_past", "schedule_needs_zone")
    assert checks.schedule_problem(now + timedelta(minutes=1)) is None
    assert checks.schedule_problem(now - timedelta(minutes=1), grace=checks.GRACE) is None


@pytest.mark.parametrize(
    ("name", "copy"), [("Promo", "Promo (2)"), ("Promo (2)", "Promo (3)"), ("Promo (baru)", "Promo (baru) (2)")]
)
def test_a_copy_counts_on(name: str, copy: str) -> None:
    assert editing._copy_name(name) == copy


@pytest.mark.parametrize(
    ("mime", "kind"),
    [("image/png", "image"), ("video/mp4", "video"), ("audio/ogg; codecs=opus", "audio"), ("text/csv", "document")],
)
def test_a_file_leaves_as_what_it_is(mime: str, kind: str) -> None:
    assert media.kind_of(mime) == kind


def test_processed_are_those_the_lanes_are_done_with() -> None:
    counts = Counts(planned=4, sending=1, sent=2, read=3, failed=1, unknown=1, total=12)
    assert (counts.processed, counts.arrived) == (7, 5)


def test_a_preview_is_what_the_lane_would_write() -> None:
    first = preview.render("{Halo|Hai} {{name|Kak}}", {"name": "Siti"}, "seed")
    assert first == preview.render("{Halo|Hai} {{name|Kak}}", {"name": "Siti"}, "seed")
    assert first.variants == 2
    assert first.text.endswith("Siti")
