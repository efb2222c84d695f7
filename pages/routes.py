"""Addresses of pages."""

HOME = "/"
CAMPAIGNS = "/campaigns"
CAMPAIGN_NEW = "/campaigns/new"
CONTACTS = "/contacts"
CONTACTS_IMPORT = "/contacts/import"
DEVICES = "/devices"
SETTINGS = "/settings"
SIGN_IN = "/login"
SIGN_UP = "/signup"
FORGOT_PASSWORD = "/forgot-password"  # noqa: S105
RESET_PASSWORD = "/reset-password"  # noqa: S105
DEV_COMPONENTS = "/dev/components"
