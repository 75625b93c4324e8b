"""Settings are read from the environment; all faults are reported at once, and none contains a secret."""

import re
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import fields

from blytz.kit.config.environment import take_files, unread
from blytz.kit.config.fields import SettingsFault
from blytz.kit.config.load import read_settings
from blytz.kit.config.model import Settings, variable
from tests.support.platform import blytz, clean_env

ROOT = Path(__file__).parents[3]
GOOD = "n0-Body.Guesses-this-0ne"


SOCKET = {"REDIS_URL": "unix:///run/redis.sock"}


def faults(**environ: str) -> list[str]:
    return faults_of(environ, signs_in=False)


def faults_of(environ: dict[str, str], *, signs_in: bool) -> list[str]:
    with pytest.raises(SettingsFault) as caught:
        read_settings(environ, signs_in=signs_in)
    return str(caught.value).split("\n")


def test_production_is_the_default() -> None:
    settings = read_settings(SOCKET)
    assert settings.env == "production"
    assert settings.origins == ()


def test_production_needs_a_password_of_redis() -> None:
    assert faults() == ["REDIS_URL: the password of Redis is missing"]


def test_a_service_that_signs_in_users_needs_an_issuer() -> None:
    [line] = faults_of(SOCKET, signs_in=True)
    assert "BLYTZ_OIDC_ISSUERS" in line
    assert read_settings({**SOCKET, "BLYTZ_FIREBASE_PROJECT": "shop"}, signs_in=True).firebase_project == "shop"
    # An issuer that is set and invalid is not reported as missing.
    [line] = faults_of({**SOCKET, "BLYTZ_OIDC_ISSUERS": "shop"}, signs_in=True)
    assert line.startswith("BLYTZ_OIDC_ISSUERS='shop': 'shop' must be an issuer and its audience")


def test_each_type_of_value_is_parsed() -> None:
    settings = read_settings(
        {
            **SOCKET,
            "BLYTZ_ORIGINS": "https://a.example, https://b.example:8443,",
            "BLYTZ_DATA": "/srv/blytz",
            "BLYTZ_REPLICAS": "2",
            "BLYTZ_LOG_DECISIONS": "0.25",
            "BLYTZ_LOG_REQUESTS": "false",
        }
    )
    assert settings.origins == ("https://a.example", "https://b.example:8443")
    assert settings.data == Path("/srv/blytz")
    assert (settings.replicas, settings.log_decisions, settings.log_requests) == (2, 0.25, False)


def test_a_value_can_be_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "redis"
    file.write_text(f"rediss://blytz:{GOOD}@redis.example:6379/0\n")
    assert read_settings({"REDIS_URL_FILE": str(file)}).redis_url == file.read_text().strip()


def test_a_value_and_a_file_for_it_are_refused(tmp_path: Path) -> None:
    assert faults(REDIS_URL_FILE=str(tmp_path), REDIS_URL="unix:///a") == [
        "REDIS_URL: REDIS_URL_FILE is set as well; keep one"
    ]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 70_000], ids=["missing", "no text", "too long"])
def test_an_unreadable_file_is_named_and_its_content_not_shown(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content:
        file.write_bytes(content)
    [line] = faults(REDIS_URL_FILE=str(file))
    assert line.startswith(f"REDIS_URL_FILE='{file}': ")
    assert "xxx" not in line


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://a:b@db.example/x", "must begin with postgresql://"),
        (f"postgresql://blytz:{GOOD}@db.example/x", "add ?sslmode=verify-full"),
        (f"postgresql://blytz:{GOOD}@db.example/x?sslmode=require", "add ?sslmode=verify-full"),
        (f"postgresql://blytz:{GOOD}@db.example/x?sslmode=maybe", "none of disable"),
        ("postgresql://blytz:secret@127.0.0.1/x", "the password of PostgreSQL"),
        ("postgresql://127.0.0.1:99999/x", "a port that is not a number"),
        (f"postgresql://blytz:{GOOD}@127.0.0.1/x?user=me", "has an unknown option"),
    ],
)
def test_production_refuses_a_database_that_is_not_safe_to_use(url: str, why: str) -> None:
    lines = faults(**SOCKET, DATABASE_URL=url)
    assert any(why in line for line in lines), lines
    assert all(line.startswith("DATABASE_URL") for line in lines)
    assert not any(word in line for line in lines for word in (GOOD, "secret@", "blytz:"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"postgresql://blytz:{GOOD}@db.example:5432/shop?sslmode=verify-full",
        f"postgres://blytz:{GOOD}@127.0.0.1/shop",
        "postgresql:///shop?host=/run/postgresql",
    ],
)
def test_a_safe_database_may_be_used(url: str) -> None:
    assert read_settings({**SOCKET, "DATABASE_URL": url}).database_url == url


VIDEO = {"LIVEKIT_URL": "wss://video.example", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "x" * 32}


def test_livekit_needs_all_of_its_settings() -> None:
    assert read_settings({**SOCKET, **VIDEO}).livekit_url == "wss://video.example"
    for name in VIDEO:
        line = f"{name}: LiveKit needs all three of its settings, or none"
        assert faults(**SOCKET, **{other: value for other, value in VIDEO.items() if other != name}) == [line]


def test_production_refuses_a_livekit_that_pages_cannot_reach_or_others_can_sign_for() -> None:
    [line] = faults(**SOCKET, **VIDEO | {"LIVEKIT_URL": "ws://video.example"})
    assert line.startswith("LIVEKIT_URL must be a wss:// address")
    [line] = faults(**SOCKET, **VIDEO | {"LIVEKIT_API_SECRET": "devsecret"})
    assert line == "LIVEKIT_API_SECRET is shorter than 32 characters"
    dev = read_settings({**SOCKET, **VIDEO, "BLYTZ_ENV": "dev", "LIVEKIT_URL": "ws://127.0.0.1:7880"})
    assert dev.livekit_url == "ws://127.0.0.1:7880"


BUCKET = {"BLYTZ_IMAGES_BUCKET": "pictures", "BLYTZ_IMAGES_KEY_ID": "key", "BLYTZ_IMAGES_SECRET_KEY": "secret"}


def test_a_bucket_of_images_needs_its_key() -> None:
    assert read_settings({**SOCKET, **BUCKET}).images_bucket == "pictures"
    for name in BUCKET:
        [line] = faults(**SOCKET, **{other: value for other, value in BUCKET.items() if other != name})
        assert line == f"{name}: a bucket for images needs a key and its secret too"
    [line] = faults(**SOCKET, BLYTZ_IMAGES_ENDPOINT="https://s3.example.com")
    assert line.startswith("BLYTZ_IMAGES_ENDPOINT is set without BLYTZ_IMAGES_BUCKET")


def test_all_faults_are_reported_at_once() -> None:
    lines = faults(
        BLYTZ_REPLICAS="-",
        BLYTZ_LIVE_PORT="70000",
        BLYTZ_ORIGINS="https://*.shop.example, shop.example, null",
        REDIS_URL="redis://blytz:secret@redis.example:6379",
    )
    assert [line.split(":")[0].split("=")[0].split(" ")[0] for line in lines] == [
        "BLYTZ_LIVE_PORT",
        "BLYTZ_ORIGINS",
        "BLYTZ_REPLICAS",
        "REDIS_URL",
        "REDIS_URL",
        "BLYTZ_ORIGINS",
        "BLYTZ_ORIGINS",
    ]
    assert not any("blytz:secret" in line for line in lines)


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        f"redis://:{GOOD}@redis.example:6379",
        f"redis://:{GOOD}@10.0.0.7:6379",
        f"redis://:{GOOD}@127.0.0.1.example.com",
        "rediss://redis.example",
        "rediss://blytz:short@redis.example",
        "rediss://blytz:aaaaaaaaaaaaaaaaaaaaaa@redis.example",
        "redis://blytz:changeme@127.0.0.1",
        "redis://blytz:change-me-change-me-2026@127.0.0.1",
        "rediss://blytz:your_redis_password_123@redis.example",
        "unix://blytz:Password123@/run/redis.sock",
    ],
)
def test_production_refuses_a_redis_that_others_can_read_or_enter(url: str) -> None:
    lines = faults(REDIS_URL=url)
    assert all(line.startswith("REDIS_URL") for line in lines)
    assert read_settings({"REDIS_URL": url, "BLYTZ_ENV": "dev"}).redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{GOOD}@127.0.0.1:6379/0",
        f"redis://:{GOOD}@[::1]:6379",
        f"redis://:{GOOD}@localhost",
        "unix:///run/redis.sock",
        f"unix://blytz:{GOOD}@/run/redis.sock",
        f"rediss://blytz:{GOOD}@redis.example:6380/0",
    ],
)
def test_production_accepts_a_redis_on_this_machine_or_over_tls(url: str) -> None:
    assert read_settings({"REDIS_URL": url}).redis_url == url


INVALID_URLS = [
    *(
        "http://a",
        "redis://a:b",
        "redis://a:99999",
        "unix://",
        "redis://a:0",
        "",
        "redis://[::1",
        "redis://a/shop",
    ),
    # A host or a password among the options would not be checked.
    *("redis:///0?host=b", "unix:///s?password=abc", "unix:///s?db=x", "rediss://a?ssl_ca_certs=/no/such/file"),
]


@pytest.mark.parametrize("url", INVALID_URLS)
def test_an_invalid_address_of_redis_is_refused(url: str) -> None:
    assert faults(REDIS_URL=url, BLYTZ_ENV="dev")[0].startswith("REDIS_URL")


NONSENSE = [
    "-1",
    "9e3",
    "x" * 5_000,
    "a b",
    "\N{ARABIC-INDIC DIGIT THREE}",
    "nan",
    "no; such",
    "a\nb",
    "\udcff",
    "%",
    "*,*",
]
"""Invalid for most settings."""
KEYS = {"livekit_api_key", "livekit_api_secret", "images_key_id", "images_secret_key"}
PLAIN_TEXTS = {*KEYS, "data", "roles_claim"}
VALID_FOR = {
    "host": {"9e3", "nan"},
    "firebase_project": {"-1", "9e3", "nan"},
    "images_bucket": {"9e3", "nan"},
    "images_region": {"nan"},
}


@pytest.mark.parametrize("field", [each.name for each in fields(Settings) if each.name not in PLAIN_TEXTS])
@pytest.mark.parametrize("form", ["value", "file"])
def test_an_invalid_value_is_refused_with_its_variable_and_file_content_not_shown(
    field: str, form: str, tmp_path: Path
) -> None:
    name = variable(field)
    for text in NONSENSE:
        if text in VALID_FOR.get(field, ()):
            continue
        given = {name: text}
        if form == "file":
            (tmp_path / "f").write_bytes(text.encode("utf-8", "surrogateescape"))
            given = {f"{name}_FILE": str(tmp_path / "f")}
        lines = [line for line in faults(**({} if field == "redis_url" else SOCKET), **given) if name in line]
        assert len(lines) >= 1, text
        assert all(len(line) < 600 and (form == "value" or text not in line.partition(": ")[2]) for line in lines)


@pytest.mark.parametrize("content", [b"9000", b"9000\r\n", b"\xef\xbb\xbf9000\n", b"  9000\t"])
def test_space_and_byte_order_marks_around_a_value_are_ignored(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "port").write_bytes(content)
    assert read_settings({**SOCKET, "BLYTZ_LIVE_PORT_FILE": str(tmp_path / "port")}).live_port == 9_000


@pytest.mark.parametrize("path", ["", "/", "/proc/none", "\udcff", "x" * 5_000])
def test_a_missing_file_is_named(path: str) -> None:
    [line] = faults(BLYTZ_LIVE_PORT_FILE=path, **SOCKET)
    assert line.startswith("BLYTZ_LIVE_PORT_FILE=")


def test_an_empty_list_of_proxies_trusts_none() -> None:
    assert read_settings({**SOCKET, "BLYTZ_TRUSTED_PROXIES": ""}).trusted_proxies == ()
    [line] = faults(BLYTZ_TRUSTED_PROXIES="10.0.0.0/8, everybody, 10.0.0.1/8", **SOCKET)
    assert "'everybody' is no address" in line
    assert "write 10.0.0.0/8" in line


def test_an_unknown_variable_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    known = dict.fromkeys(
        ("BLYTZ_ORIGINS", "REDIS_URL_FILE", "BLYTZ_GATEWAY_HOSTS", "BLYTZ_TOKEN_FILE", "HOME"), ""
    )
    strange = {"BLYTZ_ORIGNS": "", "BLYTZ_GATEWAY_DOMAIN": "", "BLYTZ_COFFEE": "", "BLYTZ_REDIS_URL": ""}
    assert [str(each) for each in unread(known | strange)] == [
        "BLYTZ_COFFEE is not a setting",
        "BLYTZ_GATEWAY_DOMAIN is not a setting; did you mean BLYTZ_GATEWAY_DOMAINS?",
        "BLYTZ_ORIGNS is not a setting; did you mean BLYTZ_ORIGINS?",
        "BLYTZ_REDIS_URL is not a setting; did you mean REDIS_URL?",
    ]


def test_either_all_variables_are_set_from_their_files_or_none_is(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("eyJ\n")
    environ = {"BLYTZ_TOKEN_FILE": str(tmp_path / "token"), "HOME": "/"}
    take_files(environ)
    assert environ == {"BLYTZ_TOKEN": "eyJ", "HOME": "/"}
    wrong = {"BLYTZ_TOKEN_FILE": str(tmp_path / "token"), "BLYTZ_URL_FILE": "/none", "BLYTZ_DATA_FILE": "/none"}
    with pytest.raises(SettingsFault, match=r"(?s)BLYTZ_DATA_FILE.*BLYTZ_URL_FILE"):
        take_files(wrong)
    assert "BLYTZ_TOKEN" not in wrong


def test_every_variable_of_ours_is_in_the_table() -> None:
    """All variables that are named anywhere in the repository."""
    made_up = {"BLYTZ_ORIGNS", "BLYTZ_COFFEE", "BLYTZ_REDIS_URL", "BLYTZ_GATEWAY_DOMAIN", "BLYTZ_FIREBASE_PROJCET"}
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    table, missing = (ROOT / "specs" / "settings.md").read_text(), set()
    for path in listed.stdout.splitlines():
        if path != "specs/settings.md" and (ROOT / path).is_file():
            found = re.findall(r"\bBLYTZ_[A-Z0-9_]*[A-Z0-9]\b", (ROOT / path).read_text(errors="replace"))
            missing |= {f"{path}: {name}" for name in set(found) - made_up if not _is_listed(name, table)}
    assert missing == set()


def test_every_variable_that_our_code_reads_is_in_the_table() -> None:
    """Also variables without our prefix."""
    table = (ROOT / "specs" / "settings.md").read_text()
    reads = re.compile(r"""(?:environ(?:\.get\(|\[)|getenv\(|envvar=|__ENV\.)["']?([A-Z][A-Z_]+)\b""")
    sources = [path for folder in ("services", "infra") for path in (ROOT / folder).rglob("*") if path.is_file()]
    found = {name for path in sources if path.suffix in {".py", ".js"} for name in reads.findall(path.read_text())}
    assert {"NO_COLOR", "XDG_RUNTIME_DIR", "BLYTZ_URL"} <= found
    assert {name for name in found if not _is_listed(name, table)} == set()


@pytest.mark.parametrize("arguments", [("gateway", "--check"), ("doctor",)])
def test_a_command_prints_file_names_and_not_their_content(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("Somebody's private key")
    names = ("BLYTZ_DATA", "BLYTZ_GATEWAY_WORKERS", "BLYTZ_GATEWAY_DOMAINS", "BLYTZ_GATEWAY_UNLIMITED")
    given = {f"{name}_FILE": str(tmp_path / "key") for name in names[1:]} | {"BLYTZ_DATA_FILE": "/none"}
    ended = subprocess.run(blytz(*arguments), env=clean_env(**given), capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    output = ended.stdout + ended.stderr
    assert [name for name in names if f"{name}_FILE='" not in output] == []
    assert "Traceback" not in output
    assert "Somebody's private key" not in output


def _is_listed(name: str, table: str) -> bool:
    return any(f"| `{plain}` |" in table for plain in (name, name.removesuffix("_FILE")))


@pytest.mark.parametrize("service", ["auction", "live", "hammer"])
def test_a_service_with_invalid_settings_reports_all_faults_and_ends(service: str) -> None:
    env = clean_env(BLYTZ_ORIGINS="*", REDIS_URL="redis://redis.example", BLYTZ_HEARTBEAT_MS="soon")
    ended = subprocess.run(
        blytz("serve", service), env=env, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    first, *lines = ended.stderr.splitlines()
    assert first == "blytz: the settings cannot be used:"
    assert [line.split()[0].rstrip(":").split("=")[0] for line in lines if "no token issuer" not in line] == [
        "BLYTZ_HEARTBEAT_MS",
        "REDIS_URL",
        "REDIS_URL",
        "BLYTZ_ORIGINS",
    ]
    assert any("no token issuer" in line for line in lines) == (service != "hammer")
