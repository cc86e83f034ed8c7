"""Django settings. What differs between servers comes from the environment: server.env.example.

Reference: https://docs.djangoproject.com/en/5.2/ref/settings/
"""

import os
from importlib.util import find_spec
from pathlib import Path

from files import layout

# Local development, see Makefile. Variables that are set already win.
if (layout.CHECKOUT / ".env").exists():
    from environ import Env

    Env.read_env(layout.CHECKOUT / ".env")


def env(name: str, default: str = "") -> str:
    """Return an environment variable, or `default` where it is unset or empty."""
    return os.environ.get(name) or default


def env_bool(name: str) -> bool:
    """Return whether an environment variable is 1 or true; unset, 0 and false are False."""
    value = env(name, "0").lower()
    if value not in {"0", "1", "false", "true"}:
        raise SystemExit(f"{name} must be 0 or 1, not {value!r}.")
    return value in {"1", "true"}


def env_list(name: str, default: str = "") -> list[str]:
    """Return the comma-separated values of an environment variable."""
    return [value.strip() for value in env(name, default).split(",") if value.strip()]


def env_url(name: str, *schemes: str) -> str:
    """Return a URL from the environment, or "". It may hold a password, so never in a setting."""
    url = env(name)
    if url and not url.startswith(schemes):
        raise SystemExit(f"{name} must start with {' or '.join(schemes)}: see server.env.example.")
    return url


BASE_DIR = layout.CHECKOUT
SITE_NAME = "Client Site"
DOMAIN = env("DOMAIN", "client-site.example")

# LOCAL_DEV: Django itself serves static and media files. It is independent of DEBUG: with
# LOCAL_DEV=1 DEBUG=0 the error pages can be viewed with their styles.
LOCAL_DEV = env_bool("LOCAL_DEV")
DEBUG = env_bool("DEBUG")
STAGING = env_bool("STAGING")  # mail is not sent

STATIC_URL, MEDIA_URL, MEDIA_BUCKET = layout.STATIC_URL, layout.MEDIA_URL, ""
if LOCAL_DEV:
    SECRET_KEY = env("SECRET_KEY", "local-development-only")
    ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ".localhost,127.0.0.1,[::1]")
    # Beside the checkout: the site writes nothing to it, and two worktrees never share files.
    STATE_DIR = Path(env("LOCAL_VAR") or BASE_DIR.with_name(BASE_DIR.name + "-var"))
    WEB_ROOT = STATE_DIR / "www"
    STATE_DIR.mkdir(parents=True, exist_ok=True)  # SQLite does not create its directory
    static_storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
else:
    SECRET_KEY = env("SECRET_KEY")
    if not SECRET_KEY:
        raise SystemExit(
            "SECRET_KEY is not set. On a server, add a long random value to the environment "
            "(see server.env.example). For local development, run `make .env`, or set LOCAL_DEV=1."
        )
    ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", DOMAIN)
    WEB_ROOT = env("WEB_ROOT", layout.WEB_ROOT)
    STATE_DIR = env("STATE_DIR", layout.STATE_DIR)
    static_storage = "files.storage.CompressedManifestStaticFilesStorage"
    # Uploads on a domain of their own, to which cookies never travel: nginx/media_domain.conf.
    if media_domain := env("MEDIA_DOMAIN"):
        MEDIA_URL = f"https://{media_domain}{MEDIA_URL}"
    if static_host := env("STATIC_HOST"):  # a CDN
        STATIC_URL = f"https://{static_host}{STATIC_URL}"
    MEDIA_BUCKET = env("MEDIA_BUCKET")  # object storage
    if MEDIA_BUCKET and not find_spec("storages"):
        raise SystemExit("MEDIA_BUCKET needs `uv sync --extra s3`, or on a server `make release`.")
    # nginx sets this header on each request and drops the client's own.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SESSION_COOKIE_NAME = "__Host-sessionid"  # browsers let no other subdomain set this name
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 30 * 24 * 3600

# HSTS for subdomains and preload lists would bind more of the client's domain than this site.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# Static and media files

STATIC_ROOT = layout.path_for(WEB_ROOT, layout.STATIC_URL)
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = layout.path_for(WEB_ROOT, layout.MEDIA_URL)
PRIVATE_ROOT = layout.path_for(STATE_DIR, layout.PRIVATE_URL)
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o644, 0o755  # for nginx to read
private = {"file_permissions_mode": 0o640, "directory_permissions_mode": 0o750}  # for its group
storage = "files.object_storage" if MEDIA_BUCKET else "files.storage"
STORAGES = {
    "default": {"BACKEND": f"{storage}.UploadStorage"},
    "private": {"BACKEND": f"{storage}.PrivateStorage", "OPTIONS": {} if MEDIA_BUCKET else private},
    "derived": {"BACKEND": f"{storage}.DerivedStorage"},
    "staticfiles": {"BACKEND": static_storage},
}
# The thumbnails of easy-thumbnails, sorl-thumbnail and django-imagekit, if you install one of them.
THUMBNAIL_DEFAULT_STORAGE_ALIAS = THUMBNAIL_STORAGE = IMAGEKIT_DEFAULT_FILE_STORAGE = "derived"

# The largest file that forms accept, in bytes; Django has no such setting. files/fields.py applies
# it to all file fields. nginx accepts at most 100 MB: client_max_body_size in nginx/proxy.conf.
UPLOAD_LIMIT = 10 * 1024 * 1024

# Applications

INSTALLED_APPS = [
    "files",  # before staticfiles, whose runserver it replaces
    "welcome",  # the first page: see README.md
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["config.tags"],
        },
    },
]

# Database: SQLite, or PostgreSQL if DATABASE_URL is set.

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(STATE_DIR, "db.sqlite3"),
    }
}
if database_url := env_url("DATABASE_URL", "postgres://", "postgresql://", "sqlite:///"):
    from environ import Env

    DATABASES["default"] = Env.db_url_config(database_url)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Without WAL and IMMEDIATE, concurrent writers get "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        "timeout": 20,
    }
else:  # a pool for each process, in which requests wait while PostgreSQL restarts
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    pool = {"min_size": 1, "max_size": 8, "timeout": 10}
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = pool

# Accounts

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Language and time

LANGUAGE_CODE = "en-us"
LOCALE_PATHS = [BASE_DIR / "locale"]  # `make messages`
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# Mail: printed with LOCAL_DEV or STAGING, else sent by EMAIL_URL or the host's own mail server. The
# time-out, in seconds: one that does not respond must not block the site.

DEFAULT_FROM_EMAIL = SERVER_EMAIL = env("DEFAULT_FROM_EMAIL", f"webmaster@{DOMAIN}")
EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
email_url = env_url("EMAIL_URL", "smtp://", "smtp+tls://", "smtp+ssl://")
ADMINS = [("", address) for address in env_list("ADMINS")]  # get a mail for each error 500
EMAIL_TIMEOUT = 10
if STAGING or (LOCAL_DEV and not email_url):
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
elif email_url:
    from environ import Env

    vars().update(Env.email_url_config(email_url))

# Logging to standard error: with DEBUG off, Django's default only mails errors.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "runserver": {
            "()": "django.utils.log.ServerFormatter",
            "format": "[{server_time}] {message}",
            "style": "{",
        },
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "runserver": {"class": "logging.StreamHandler", "formatter": "runserver"},
        "mail": {"class": "django.utils.log.AdminEmailHandler", "level": "ERROR"},
    },
    "root": {"handlers": ["stderr", "mail"], "level": "INFO"},
    "loggers": {
        "botocore": {"level": "WARNING"},  # each process tells where it found the bucket's keys
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": ["runserver"], "propagate": False},
    },
}
