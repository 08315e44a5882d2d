"""
oss-clarity, a Python peer, as a receiver: installed from the package registry when the bench runs.

Django with its recorder's endpoint, one worker of gunicorn with a thread, SQLite with a
connection that stays open and a write-ahead log: the kindest set-up that its documents allow.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

from bench.batches import ORIGIN

NAME = "oss-clarity"
PATH = "/oc/r/"

_SETTINGS = """
from pathlib import Path
BASE = Path(__file__).parent
SECRET_KEY = "bench"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "oss_clarity"]
MIDDLEWARE = ["oss_clarity.middleware.PublicEndpointsMiddleware"]
ROOT_URLCONF = "peer_urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": BASE / "peer.db", "CONN_MAX_AGE": None,
    "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "timeout": 30},
}}
MEDIA_ROOT = BASE / "media"
OSS_CLARITY = {"CHUNK_RATE_KEY_IP": 0, "CHUNK_RATE_KEY": 0, "CHUNK_RATE_GLOBAL": 0}
"""
_URLS = """
from django.urls import include, path
urlpatterns = [path("oc/", include("oss_clarity.urls.public"))]
"""
_SITE = f"""
import django; django.setup()
from oss_clarity.models import RecordingSettings, Site
site = Site.objects.create(name="bench", domain="{ORIGIN.removeprefix("https://")}")
row = RecordingSettings.for_site(site); row.enabled = True; row.save()
import oss_clarity
print(site.public_key, oss_clarity.__version__, django.__version__)
"""


def install(folder: Path) -> str:
    """Install it into *folder*, unless it is there; return what went wrong."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "oss-clarity[django]", "gunicorn"], capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def prepare(packages: Path, data: Path) -> tuple[str, str]:
    """Make a project in *data*; return the key of its site and the versions."""
    data.mkdir(parents=True, exist_ok=True)
    (data / "peer_settings.py").write_text(_SETTINGS)
    (data / "peer_urls.py").write_text(_URLS)
    python = packages / "bin" / "python"
    env = {"DJANGO_SETTINGS_MODULE": "peer_settings", "PYTHONPATH": str(data)}
    migrate = [python, "-m", "django", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, env=env, cwd=data, check=True, capture_output=True)
    done = subprocess.run(
        [python, "-c", _SITE], env=env, cwd=data, check=True, capture_output=True, text=True
    )
    key, own, django = done.stdout.split()
    return key, f"{own} on Django {django}"


def command(packages: Path, data: Path, port: int) -> list[str]:
    """Return the command that serves the project in *data*."""
    start = (
        "import os,sys; os.environ['DJANGO_SETTINGS_MODULE']='peer_settings';"
        f"sys.path.insert(0, {json.dumps(str(data))});"
        "from gunicorn.app.wsgiapp import run; sys.argv=['gunicorn', '--workers=1', '--threads=1',"
        f"'--worker-class=gthread', '--keep-alive=60', '--bind=127.0.0.1:{port}',"
        "'--log-level=error', 'django.core.wsgi:get_wsgi_application()']; run()"
    )
    return [str(packages / "bin" / "python"), "-c", start]


def stored(data: Path) -> int:
    """Return how many uploads were stored."""
    db = sqlite3.connect(data / "peer.db")
    try:
        return int(db.execute("SELECT count(*) FROM oss_clarity_recordingchunk").fetchone()[0])
    finally:
        db.close()
