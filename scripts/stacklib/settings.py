"""What the responders of a stack are told: the stack's own settings, and the caller's over them."""

import os
import secrets
import shlex

# Not the caller's to pass on: where the stack finds the binaries, and what each responder gets from the
# supervisor (its listener, on descriptor 0, and its number).
STACK_ONLY = ("ODYS_BIN_DIR", "ODYS_LISTEN", "ODYS_INSTANCE")


def given(name):
    """The caller's value of a setting, also from the file named by NAME_FILE; None when there is none."""
    if name in os.environ:
        return os.environ[name]
    if f"{name}_FILE" in os.environ:
        with open(os.environ[f"{name}_FILE"], encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    return None


def chosen(name, default):
    value = given(name)
    return default if value is None else value


def count(name, default):
    """A number the stack sizes things by. What is wrong with it is the responder's to report."""
    value = chosen(name, "")
    return int(value) if value.isdigit() else default


def own_settings(database_socket, peers):
    """The stack's settings that the caller did not set."""
    own = {
        "ODYS_DB_SOCKET": database_socket,
        "ODYS_DB_NAME": "odys",
        "ODYS_DB_USER": "odys",
        "ODYS_DB_PASSWORD": secrets.token_hex(16),
        "ODYS_JWT_SECRET": secrets.token_hex(32),
        "ODYS_APP_URL": "https://odys.example",
    }
    if peers is not None:
        own.update({
            "EVOLUTION_API_URL": peers["whatsapp_url"],
            "EVOLUTION_API_KEY": peers["whatsapp_key"],
            "EVOLUTION_INSTANCE": peers["whatsapp_instance"],
            "ODYS_SMTP_URL": peers["smtp_url"],
            "ODYS_MAIL_FROM": "Odys <no-reply@odys.example>",
        })
    if "ODYS_DB_HOST" in os.environ:
        del own["ODYS_DB_SOCKET"]
    if os.environ.get("EVOLUTION_API_URL") == "":
        # The caller turned the channel off; a key without an address would be an error.
        for name in ("EVOLUTION_API_KEY", "EVOLUTION_INSTANCE"):
            own.pop(name, None)
    return {name: value for name, value in own.items() if given(name) is None}


def environment(own):
    """The whole environment of a responder. The caller's variables win; ours were left out for them."""
    inherited = {name: value for name, value in os.environ.items() if name not in STACK_ONLY}
    return {**own, **inherited}


def write_env_file(path, env):
    """A file for `set -a; . FILE`, with which a person runs odysctl against the stack."""
    wanted = ("ODYS_", "EVOLUTION_")
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(env.items())
             if name.startswith(wanted)]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)
