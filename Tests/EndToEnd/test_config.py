"""odysctl config show and example."""

import json
import subprocess

import pytest

import bench
import stack
from test_commands import settings_of

# Alternatives to another setting, and files that must exist.
ALONE = {"ODYS_DB_HOST", "ODYS_DB_CA", "ODYS_JWKS_FILE"}


def config(*words, check=True, **settings):
    return stack.run(bench.CTL, "config", *words, check=check, **{"ODYS_BIN_DIR": None, **settings})


def test_the_example_is_good_once_it_is_filled_in(tmp_path):
    file = tmp_path / "odys.env"
    file.write_text(config("example").stdout, encoding="utf-8")

    def check():
        """Reads the file as a shell does."""
        script = 'set -a; . "$1"; set +a; exec "$2" config check'
        return subprocess.run(["/bin/sh", "-ec", script, "sh", file, bench.CTL],
                              capture_output=True, text=True, check=False,
                              env=stack.clean_environment(ODYS_BIN_DIR=None))

    done = check()
    assert done.returncode == 2
    assert [line.split(":")[1].strip() for line in done.stderr.splitlines()] == ["ODYS_JWT_SECRET"]
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("\nODYS_JWT_SECRET=", "\nODYS_JWT_SECRET=" + "x" * 40), encoding="utf-8")
    assert check().returncode == 0
    # And with every other setting.
    lines = [line.lstrip("#") if line.startswith(("#ODYS_", "#EVOLUTION_")) and line[1:].partition("=")[0] not in ALONE
             else line for line in file.read_text(encoding="utf-8").splitlines()]
    file.write_text("\n".join(line + "geheim" if line.endswith("=") else line for line in lines), encoding="utf-8")
    done = check()
    assert done.returncode == 0, done.stderr
    catalogue = json.loads(config("example", "--json").stdout)
    assert {line.partition("=")[0] for line in lines if line and line[0] != "#"} == {
        setting["name"] for setting in catalogue} - ALONE


def test_show_tells_origins_and_no_secret(odys, tmp_path):
    secret = tmp_path / "odys-smtp-password"
    secret.write_text("geheim\n", encoding="utf-8")
    key = tmp_path / "key"
    key.write_text("noch geheimer", encoding="utf-8")
    settings = {**settings_of(odys), "CREDENTIALS_DIRECTORY": str(tmp_path), "EVOLUTION_API_KEY": None,
                "EVOLUTION_API_KEY_FILE": str(key), "ODYS_THREADS": "3"}
    done = config("show", "--json", **settings)
    shown = {each["name"]: each for each in json.loads(done.stdout)}

    def origin(name):
        return shown[name]["origin"], shown[name].get("text", shown[name]["value"])

    assert origin("ODYS_THREADS") == ("environment", "3")
    assert origin("ODYS_EMAIL_SENDERS") == ("default", "2")
    assert origin("ODYS_JWT_SECRET") == ("environment", f"set ({len(odys.secret)} bytes)")
    assert origin("EVOLUTION_API_KEY") == ("file", "set (13 bytes)")
    assert origin("ODYS_SMTP_PASSWORD") == ("credential", "set (6 bytes)")
    assert shown["ODYS_JWT_SECRET"]["value"] is None
    text = config("show", **settings).stdout
    assert len(text.splitlines()) == len(shown)
    for private in (odys.secret, "geheim", settings["ODYS_DB_PASSWORD"]):
        assert private not in done.stdout + text


GOOD = {"ODYS_DB_SOCKET": "/s", "ODYS_APP_URL": "https://odys.example", "ODYS_JWKS_URL": "https://issuer.example/jwks"}


@pytest.mark.parametrize("settings, problem", [
    ({"ODYS_JWT_SECRET": "\udce9" * 40}, "ODYS_JWT_SECRET: is not UTF-8 text"),
    ({"EVOLUTION_API_KEY": "caf\udce9"}, "EVOLUTION_API_KEY: is not UTF-8 text"),
    ({"ODYS_JWT_SECRET_FILE": "/etc"}, "ODYS_JWT_SECRET_FILE: cannot read /etc: Is a directory"),
    ({"ODYS_JWT_SECRET_FILE": "/proc/self/mem"},
     "ODYS_JWT_SECRET_FILE: cannot read /proc/self/mem: Input/output error"),
], ids=str)
def test_check_names_what_cannot_be_read(settings, problem):
    """Beside a key set, which would do alone: a secret that was meant must not be dropped."""
    assert config("check", **GOOD).returncode == 0
    done = config("check", check=False, **{**GOOD, **settings})
    assert (done.returncode, done.stderr) == (2, f"odysctl: {problem}\n")


def test_an_empty_variable_has_no_value():
    names = [setting["name"] for setting in json.loads(config("example", "--json").stdout)]
    config("check", **{**dict.fromkeys(names, ""), **GOOD})
    shown = json.loads(config("show", "--json", **dict.fromkeys(names, "")).stdout)
    assert {each["origin"] for each in shown} == {"default"}
    text = stack.run(bench.CTL, "message", "preview", "booking_confirmed", ODYS_BIN_DIR=None, ODYS_TIME_ZONE="",
                     ODYS_APP_URL="").stdout
    assert text == stack.run(bench.CTL, "message", "preview", "booking_confirmed", ODYS_BIN_DIR=None).stdout


def test_nginx_gives_the_origins_as_json(odys):
    settings = {**settings_of(odys), "ODYS_ALLOWED_ORIGINS": "https://a.example, http://localhost:3000"}
    assert json.loads(config("nginx", "--json", **settings).stdout) == {
        "origins": ["https://a.example", "http://localhost:3000"]}


def test_a_key_set_without_an_audience_is_a_warning(bench):
    """The settings are good all the same: the responder starts, and says it too."""
    key_set = {"ODYS_JWKS_URL": "https://issuer.example/jwks.json"}
    settings = {**bench.settings(), **key_set}
    done = config("check", **settings)
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning: ODYS_JWT_AUDIENCE ")]
    assert len(warnings) == 1 and "the settings are good" in done.stdout
    found = json.loads(config("check", "--json", **settings).stdout)
    assert found["unknown"] == [] and found["warnings"] == [warnings[0].removeprefix("warning: ")]
    for quiet in ({}, {**key_set, "ODYS_JWT_AUDIENCE": "odys"}):
        assert "warning" not in config("check", **{**bench.settings(), **quiet}).stdout
    bench.start(ODYS_DELIVERY="off", ODYS_JWKS_URL="http://127.0.0.1:9/jwks.json")
    assert bench.log().count("ODYS_JWT_AUDIENCE is not set") == 1
