"""The composer is one state put together from the steps' mixins: its vars and handlers must be its own."""

import pytest

import pages  # noqa: F401  the pages import their states; without them first the imports would go in a circle
from state.base import AppState
from state.campaign_composer import CampaignComposerState
from state.campaign_composer.draft import flipped
from wa_app.schemas.campaigns import Target


def test_the_steps_handlers_and_vars_belong_to_the_composer() -> None:
    assert CampaignComposerState.get_parent_state() is AppState
    assert {"load", "start", "set_message", "set_scope", "set_when", "attach"} <= set(
        CampaignComposerState.event_handlers
    )
    assert {"message", "draft_id", "checks"} <= set(CampaignComposerState.base_vars)
    assert not {"message", "draft_id"} & set(AppState.base_vars)


def test_flips_one_of_a_list() -> None:
    assert flipped(["a"], "b") == ["a", "b"]
    assert flipped(["a", "b"], "a") == ["b"]


SEGMENT = "01a1f96f-b32c-74b4-a9ad-139f3165cf39"
RULES = {"rules": [{"field": "city", "op": "is", "value": "Malang"}]}


@pytest.mark.parametrize(("given", "scope"), [
    ({"all": True}, "all"), ({"tags": ["VIP"], "exclude_tags": ["Batik"]}, "tags"), ({}, "tags"),
    ({"segment_id": SEGMENT, "frozen": True}, "segment"), ({"all": True, "exclude_segment_ids": [SEGMENT]}, "all"),
    ({"filter": RULES}, "filter"), ({"segment_id": SEGMENT, "tags": ["VIP"]}, "filter"),
    ({"segment_id": SEGMENT, "filter": RULES, "exclude_tags": ["Batik"]}, "filter"),
])  # fmt: skip
def test_the_composer_keeps_a_target_it_did_not_make(given: dict[str, object], scope: str) -> None:
    state, target = CampaignComposerState(), Target.model_validate(given)  # type: ignore[no-untyped-call]
    state._show_target(target)
    assert state.scope == scope
    assert state._target() == target
