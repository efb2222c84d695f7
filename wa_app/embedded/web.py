"""Serves the built frontend, the API and the webhooks on one port.

`reflex run --env prod` compiles and builds at every start; a crashed web process would be away for as long
as a build takes. This starts the same server on what is built already.
"""

from wa_app.embedded.errors import LauncherError
from wa_app.embedded.frontend import WEB


def serve(host: str, port: int) -> None:
    """Run until a signal ends it. LauncherError when the frontend has not been built."""
    if not (WEB / "build" / "client").is_dir():
        raise LauncherError("The frontend is not built: run ./sapa up, or python -m wa_app.cli build.")
    from reflex import constants
    from reflex.config import get_config
    from reflex.utils import exec as reflex_exec
    from reflex_base.environment import environment

    environment.REFLEX_ENV_MODE.set(constants.Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    config = get_config()
    config._set_persistent(frontend_port=port, backend_port=port, backend_host=host)  # type: ignore[no-untyped-call]
    reflex_exec.run_backend_prod(host, port, constants.LogLevel.INFO, mount_frontend_compiled_app=True)
