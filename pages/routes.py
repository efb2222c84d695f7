"""Addresses of pages."""

HOME = "/"
INBOX = "/inbox"
CAMPAIGNS = "/campaigns"
CAMPAIGN_NEW = "/campaigns/new"
CAMPAIGN_TEMPLATES = "/campaigns/templates"
CAMPAIGN = "/campaigns/[broadcast]"
CAMPAIGN_EDIT = "/campaigns/[broadcast]/edit"
CAMPAIGN_REPORT = "/campaigns/[broadcast]/report"
CONTACTS = "/contacts"
CONTACTS_IMPORT = "/contacts/import"
CONTACTS_SEGMENTS = "/contacts/segments"
SEGMENT_NEW = "/contacts/segments/new"
SEGMENT = "/contacts/segments/[segment]"
CONTACTS_BLACKLIST = "/contacts/blacklist"
CONTACTS_GROUPS = "/contacts/groups"
AUTOMATION = "/automation"
DEVICES = "/devices"
DEVICE = "/devices/[device]"
SETTINGS = "/settings"
SETTINGS_SECURITY = "/settings/security"
SETTINGS_BUSINESS = "/settings/business"
SETTINGS_OPT_OUT = "/settings/opt-out"
SETTINGS_TEAM = "/settings/team"
SETTINGS_TEAMS = "/settings/teams"
SETTINGS_QUICK_REPLIES = "/settings/quick-replies"
SETTINGS_API_KEYS = "/settings/api-keys"
KNOWLEDGE = "/knowledge"
AGENTS = "/knowledge/agents"
AGENT = "/knowledge/agents/[agent]"
SETTINGS_AI = "/settings/ai"
MEDIA = "/media"
ADMIN_QUEUES = "/admin/queues"
ADMIN_AI = "/admin/ai"
SIGN_IN = "/login"
SIGN_UP = "/signup"
FORGOT_PASSWORD = "/forgot-password"  # noqa: S105
RESET_PASSWORD = "/reset-password"  # noqa: S105
DEV_COMPONENTS = "/dev/components"


def campaign(campaign_id: str) -> str:
    """The page of one broadcast."""
    return f"{CAMPAIGNS}/{campaign_id}"


def campaign_report(campaign_id: str) -> str:
    """The report of one broadcast."""
    return f"{CAMPAIGNS}/{campaign_id}/report"


def campaign_edit(campaign_id: str) -> str:
    """The composer of one broadcast."""
    return f"{CAMPAIGNS}/{campaign_id}/edit"


def segment(segment_id: str) -> str:
    """The builder of one segment."""
    return f"{CONTACTS_SEGMENTS}/{segment_id}"


def agent(agent_id: str) -> str:
    """The page of one agent."""
    return f"{AGENTS}/{agent_id}"
