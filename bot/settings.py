"""Secrets and addresses, read once from the environment (prefix MADOGUCHI_).

The rule: city settings are rows, never environment; nothing here has a default that would be unsafe in production.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.errors import SettingsError

PREFIX = "MADOGUCHI_"
ENCODERS = ("all", "fast", "none", "api")
TRANSLATE = PREFIX + "TRANSLATE_"


@dataclass(frozen=True)
class Settings:
    """Hold what `MADOGUCHI_…` says. `line_channel_secrets` may be several, comma-separated, during a rotation."""

    database_url: str = "sqlite:///var/madoguchi.db"
    secret_key: str = field(default="", repr=False)
    line_channel_secrets: tuple[str, ...] = field(default=(), repr=False)
    line_channel_access_token: str = field(default="", repr=False)
    line_api_base: str = "https://api.line.me"
    line_destination: str = ""
    line_basic_id: str = ""
    line_url_base: str = "https://line.me"
    base_url: str = "http://localhost:8000"
    monthly_push_budget: int = 0  # 0 = ask LINE; the reserve for safety is kept out of it
    push_reserve: int = 20
    log_level: str = "INFO"
    metrics_port: int = 0  # Prometheus figures on loopback; 0 = none
    encoders: str = "all"  # which engines help to hear: all, fast, none, api
    encoders_url: str = ""  # of the city's own embeddings API, when encoders is api
    encoders_model: str = ""
    encoders_key: str = field(default="", repr=False)
    smtp_url: str = field(default="", repr=False)  # smtps://name:password@host, smtp:// (STARTTLS), smtp+plain://
    mail_from: str = ""
    alarm_hook_url: str = field(default="", repr=False)  # of what rings a telephone when a step of alarms says `call`
    alarm_hook_secret: str = field(default="", repr=False)
    #: What MADOGUCHI_TRANSLATE_… says, without that beginning: each adapter of handoff/translators reads its own.
    translate: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    practice_folder: Path = Path("var/practice")  # one small file per person who practises, thrown away

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment; raise SettingsError naming the variable that is wrong."""
        env = os.environ if environ is None else environ

        def text(name: str, default: str) -> str:
            return env.get(PREFIX + name, default).strip()

        def number(name: str, default: int) -> int:
            raw = text(name, str(default))
            if not raw.isdecimal():
                raise SettingsError(f"{PREFIX}{name} must be a whole number, not {raw!r}")
            return int(raw)

        return cls(
            database_url=text("DATABASE_URL", cls.database_url),
            secret_key=text("SECRET_KEY", ""),
            line_channel_secrets=tuple(s.strip() for s in text("LINE_CHANNEL_SECRET", "").split(",") if s.strip()),
            line_channel_access_token=text("LINE_CHANNEL_ACCESS_TOKEN", ""),
            line_api_base=text("LINE_API_BASE", cls.line_api_base).rstrip("/"),
            line_destination=text("LINE_DESTINATION", ""),
            line_basic_id=text("LINE_BASIC_ID", ""),
            line_url_base=text("LINE_URL_BASE", cls.line_url_base).rstrip("/"),
            base_url=text("BASE_URL", cls.base_url).rstrip("/"),
            monthly_push_budget=number("MONTHLY_PUSH_BUDGET", cls.monthly_push_budget),
            push_reserve=number("PUSH_RESERVE", cls.push_reserve),
            log_level=text("LOG_LEVEL", cls.log_level).upper(),
            metrics_port=number("METRICS_PORT", cls.metrics_port),
            encoders=text("ENCODERS", cls.encoders) or "all",
            encoders_url=text("ENCODERS_URL", ""),
            encoders_model=text("ENCODERS_MODEL", ""),
            encoders_key=text("ENCODERS_KEY", ""),
            smtp_url=text("SMTP_URL", ""),
            mail_from=text("MAIL_FROM", ""),
            alarm_hook_url=text("ALARM_HOOK_URL", ""),
            alarm_hook_secret=text("ALARM_HOOK_SECRET", ""),
            translate={
                name.removeprefix(TRANSLATE): said.strip() for name, said in env.items() if name.startswith(TRANSLATE)
            },
            practice_folder=Path(text("PRACTICE_FOLDER", "") or cls.practice_folder),
        )

    def problems(self) -> list[str]:
        """Return what is missing or wrong for serving a city, one sentence each; empty when all is well."""
        found = []
        if len(self.secret_key) < 32:
            found.append(f"{PREFIX}SECRET_KEY must be at least 32 characters (make one: openssl rand -hex 32)")
        if not self.line_channel_secrets:
            found.append(f"{PREFIX}LINE_CHANNEL_SECRET is missing (LINE Developers console, Basic settings)")
        if not self.line_channel_access_token:
            found.append(f"{PREFIX}LINE_CHANNEL_ACCESS_TOKEN is missing (LINE Developers console, Messaging API)")
        if not self.database_url.startswith(("sqlite:///", "postgresql://")):
            found.append(f"{PREFIX}DATABASE_URL must begin with sqlite:/// or postgresql://")
        if self.encoders not in ENCODERS:
            found.append(f"{PREFIX}ENCODERS must be one of {', '.join(ENCODERS)}")
        if self.encoders == "api" and not self.encoders_url:
            found.append(f"{PREFIX}ENCODERS=api needs {PREFIX}ENCODERS_URL")
        if self.smtp_url and not self.smtp_url.startswith(("smtp://", "smtps://", "smtp+plain://")):
            found.append(
                f"{PREFIX}SMTP_URL must begin with smtps://, smtp:// (STARTTLS) or smtp+plain:// (city network)"
            )
        if self.smtp_url and "@" not in self.mail_from:
            found.append(f"{PREFIX}MAIL_FROM must be the address that alarms are sent from")
        if self.alarm_hook_url and not self.alarm_hook_url.startswith(
            ("https://", "http://localhost", "http://127.0.0.1")
        ):
            found.append(f"{PREFIX}ALARM_HOOK_URL must be https://")
        if self.alarm_hook_url and len(self.alarm_hook_secret) < 32:
            found.append(f"{PREFIX}ALARM_HOOK_SECRET must be at least 32 characters (make one: openssl rand -hex 32)")
        if not self.base_url.startswith(("https://", "http://localhost", "http://127.0.0.1")):
            found.append(f"{PREFIX}BASE_URL must be https:// (families' links go there)")
        return found

    @property
    def is_sqlite(self) -> bool:
        """Return whether the embedded database is used."""
        return self.database_url.startswith("sqlite:")

    @property
    def database_path(self) -> Path:
        """Return the SQLite file's path; raise SettingsError when the database is not SQLite."""
        if not self.is_sqlite:
            raise SettingsError("the database is not a file")
        return Path(self.database_url.removeprefix("sqlite:///"))
