"""The composer is one state put together from the steps' mixins: its vars and handlers must be its own."""

import pages  # noqa: F401  the pages import their states; without them first the imports would go in a circle
from state.base import AppState
from state.campaign_composer import CampaignComposerState
from state.campaign_composer.draft import flipped


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
