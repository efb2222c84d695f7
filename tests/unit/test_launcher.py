"""What the launcher decides without starting anything."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import Result
from wa_app.config import ROOT, Settings
from wa_app.embedded import frontend, outside, postgres, process, programs, redis, roles, suite
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.same_origin import rewrite
from wa_app.embedded.secrets import Secrets
from wa_app.embedded.supervisor import Supervisor, _command


class TestSecrets:
    def test_keeps_a_value_and_hides_the_file(self, tmp_path: Path) -> None:
        made = Secrets(tmp_path).get("SAPA_SECRET_KEY")
        assert len(made) == 48
        assert Secrets(tmp_path).get("SAPA_SECRET_KEY") == made
        assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600

    def test_says_what_to_do_when_the_file_is_damaged(self, tmp_path: Path) -> None:
        (tmp_path / "secrets").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(LauncherError, match="restore it from a backup"):
            Secrets(tmp_path)


class TestRoles:
    def test_urls_keep_place_and_query_and_change_the_login(self) -> None:
        url = roles.url_of("sapa_app", "postgresql://owner:p%40ss@db.example:5433/sapa?sslmode=require", "k" * 40)
        assert url.startswith("postgresql://sapa_app:")
        assert url.endswith("@db.example:5433/sapa?sslmode=require")
        assert "owner" not in url

    def test_passwords_differ_by_role_and_by_secret(self) -> None:
        words = {roles.password_of(role, key) for role in (roles.APP, roles.SYSTEM) for key in ("a", "b")}
        assert len(words) == 4

    def test_plain_drops_the_driver(self) -> None:
        assert roles.plain("postgresql+asyncpg://u:p@h/d") == "postgresql://u:p@h/d"


class TestRedis:
    def test_queue_never_evicts_and_state_may(self, tmp_path: Path) -> None:
        settings = {role: self.conf(tmp_path, role) for role in ("queue", "state")}
        assert "maxmemory-policy noeviction" in settings["queue"]
        assert "appendonly yes" in settings["queue"]
        assert "maxmemory-policy allkeys-lru" in settings["state"]

    @staticmethod
    def conf(home: Path, role: str) -> str:
        server = redis.Redis(role, home / role, 1, "word", "redis-server")  # type: ignore[arg-type]
        program = server.program()
        assert "word" not in " ".join(program.command)
        written = home / role / "redis.conf"
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        return written.read_text()


class TestPostgres:
    @pytest.fixture
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        (tmp_path / "postgres").mkdir()
        return tmp_path

    def test_refuses_a_folder_with_foreign_files(self, home: Path) -> None:
        (home / "postgres" / "notes.txt").write_text("mine")
        with pytest.raises(LauncherError, match=r"holds files but no PostgreSQL database: move it away \(mv "):
            postgres.prepare(home, 1, "a", "b")

    def test_refuses_another_version(self, home: Path) -> None:
        (home / "postgres" / "PG_VERSION").write_text("16\n")
        with pytest.raises(LauncherError, match="made by PostgreSQL 16, Sapa brings 18"):
            postgres.prepare(home, 1, "a", "b")

    def test_listens_on_loopback_only_and_fits_all_pools(self, home: Path) -> None:
        server = postgres.Postgres(home, home, 5, "a", "b", max_connections=programs.max_connections())
        command = " ".join(server.program().command)
        assert "listen_addresses=127.0.0.1" in command
        assert "unix_socket_directories= " in command
        assert f"max_connections={sum(programs.connections().values()) + 20}" in command


class TestSupervisorFile:
    def test_program_with_odd_characters_is_read_back_whole(self, tmp_path: Path) -> None:
        from supervisor.options import ServerOptions

        folder = tmp_path / 'a 100% "odd" folder'
        folder.mkdir()
        supervisor = Supervisor(folder)
        supervisor.run.mkdir()
        supervisor.logs.mkdir()
        program = process.Program("odd", ("/bin/echo", "50% off", 'say "hi"'), env={"MODE": "a,b c"}, cwd=folder)
        supervisor._write([program])
        options = ServerOptions()
        options.realize(["-n", "-c", str(supervisor.conf)])
        config = options.process_group_configs[0].process_configs[0]
        assert config.environment == {"MODE": "a,b c"}
        assert config.directory == str(folder)
        assert config.autorestart

    def test_command_survives_shell_splitting(self) -> None:
        import shlex

        argv = ["/x y/python", "-c", 'print("a\\b")', "--flag=1"]
        assert shlex.split(_command(argv)) == argv


class TestSameOrigin:
    def test_addresses_of_the_build_become_the_origin_of_the_page(self, tmp_path: Path) -> None:
        script = tmp_path / "env.js"
        script.write_text(
            'const e={P:"http://localhost:8000/ping",E:`ws://localhost:8000/_event`,X:"http://elsewhere/x"}'
        )
        assert rewrite(script, "localhost:8000") == 2
        after = script.read_text()
        assert "localhost:8000" not in after
        assert '"http://elsewhere/x"' in after
        assert '.replace(/^http/,"ws")+"/_event"' in after


class TestProcess:
    def test_one_that_ends_at_once_is_told_of_with_its_last_words(self, tmp_path: Path) -> None:
        program = process.Program("quitter", (sys.executable, "-S", "-c", "print('the port is taken')"))
        log = tmp_path / "quitter.log"
        running = process.spawn(program, log)
        with pytest.raises(LauncherError, match="the port is taken"):
            process.wait_until(lambda: False, 20, lambda: running.poll() is not None, lambda: process.tail(log))

    def test_free_ports_are_none_that_an_outgoing_connection_could_take(self) -> None:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        assert all(process.free_port() < first for _ in range(20))


class TestFrontendFingerprint:
    def test_ignores_what_never_reaches_the_browser(self) -> None:
        names = {str(path.relative_to(ROOT)) for path in frontend._files()}
        assert "rxconfig.py" in names
        assert any(name.startswith("pages/") for name in names)
        assert not any(name.startswith(("wa_app/embedded", "wa_app/sandbox", "wa_app/api")) for name in names)


class TestOutside:
    async def test_unreachable_servers_are_named_without_their_passwords(self) -> None:
        port = process.free_port()
        settings = Settings(DATABASE_URL=f"postgresql://u:hidden@127.0.0.1:{port}/x")
        with pytest.raises(LauncherError, match="correct DATABASE_URL") as caught:
            await outside.check({"DATABASE_URL": settings.database_url}, settings)
        assert "hidden" not in str(caught.value)
        with pytest.raises(LauncherError, match="correct REDIS_URL") as caught:
            await outside.check({}, Settings(REDIS_URL=f"redis://:hidden@127.0.0.1:{port}/0"))
        assert "hidden" not in str(caught.value)


class TestSapa:
    def test_old_python_gets_one_sentence(self, tmp_path: Path) -> None:
        for name in ("python3", "python3.11", "python3.12", "python"):
            old = tmp_path / name
            old.write_text("#!/bin/sh\nexit 1\n")
            old.chmod(0o755)
        answer = subprocess.run(
            [str(ROOT / "sapa"), "up"], env={"PATH": f"{tmp_path}:/bin"}, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 2
        assert answer.stderr.startswith("Sapa needs Python 3.11 or 3.12")
        assert answer.stderr.count("\n") == 1

    def test_taken_port_gets_one_sentence(self, tmp_path: Path) -> None:
        import socket

        with socket.socket() as busy:
            busy.bind(("0.0.0.0", 0))
            busy.listen()
            port = str(busy.getsockname()[1])
            command = [sys.executable, "-m", "wa_app.cli", "up", "--port", port, "--data", str(tmp_path)]
            answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert answer.returncode == 2
        assert answer.stderr == f"Port {port} is taken: stop what listens there, or choose another with --port.\n"


class TestSuite:
    def test_last_line_counts_all_runs_as_pytest_would(self, tmp_path: Path) -> None:
        report = tmp_path / "report.xml"
        report.write_text(
            '<testsuites><testsuite><testcase classname="tests.unit.test_a" name="test_x"/>'
            '<testcase classname="tests.unit.test_a" name="test_y"><failure/></testcase>'
            '<testcase classname="tests.unit.test_a" name="test_z"><skipped/></testcase></testsuite></testsuites>'
        )
        tally = suite.Tally()
        tally.add(report)
        tally.add(report)
        assert tally.line(12.0).strip("= ") == "2 failed, 2 passed, 2 skipped in 12.00s"
        assert tally.failures[0] == "FAILED tests/unit/test_a.py::test_y"


class TestLock:
    def test_installed_packages_fit_together_but_for_the_documented_override(self) -> None:
        uv = Path(sys.executable).with_name("uv")
        if not uv.exists():
            pytest.skip("uv is not in this environment")
        command = [str(uv), "pip", "check", "--python", sys.executable]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        complaints = [line for line in answer.stderr.splitlines() if line.startswith("The package")]
        # One OpenCV only: rapidocr's would overwrite the one paddlex asks for (requirements-overrides.txt).
        assert all("`rapidocr` requires `opencv-python" in line for line in complaints)


class TestBench:
    def test_last_line_is_the_agreed_json(self) -> None:
        result = Result("send", 1.23456, {"rps": 1234.5678, "duplicates": 0}, True)
        assert json.loads(result.json_line()) == {
            "bench": "send", "ratio": 1.235, "figures": {"rps": 1235.0, "duplicates": 0}, "holds": True,
        }  # fmt: skip


class TestDocs:
    def test_every_setting_and_command_is_in_the_operations_guide(self) -> None:
        guide = (ROOT / "docs" / "operations.md").read_text()
        names = [str(field.validation_alias) for field in Settings.model_fields.values() if field.validation_alias]
        from wa_app.cli import COMMANDS

        missing = [
            name
            for name in (*names, *(f"sapa {command}" for command in COMMANDS))
            if f"`{name}" not in guide and f"`./{name}" not in guide
        ]
        assert not missing


def test_heavy_work_gives_way_to_the_rest() -> None:
    heavy = programs.worker("worker-heavy")
    said = process.Program("probe", (sys.executable, "-c", "import os; print(os.nice(0))"), nice=heavy.nice)
    done = subprocess.run(said.argv(), capture_output=True, text=True, check=True)
    assert int(done.stdout) == min(19, os.nice(0) + 5)
    assert programs.worker("worker-lanes").nice == 0
