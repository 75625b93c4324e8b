"""Settings of the gateway are checked before they are written to nginx's configuration."""

from pathlib import Path

import pytest

from blytz.kit.config.fields import SettingsFault
from blytz.kit.config.gateway import DEV, PREFIX, GatewaySettings, read_gateway_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOMAINS", "auctions.localhost; include /etc/passwd"),
        ("DOMAINS", "Auctions.localhost"),
        ("DOMAINS", "*.localhost"),
        ("HOSTS", "everywhere"),
        ("HOSTS", ""),
        ("HOSTS", "fe80::1%lo; include more"),
        ("UNLIMITED", "fe80::1%lo 1; } include more"),
        ("TRUSTED_PROXIES", "fe80::1%lo; include more"),
        ("AUCTION", "127.0.0.1"),
        ("AUCTION", ""),
        ("AUCTION", "auction:0"),
        ("LIVE", "127.0.0.1:8081; }"),
        ("CSP", 'default-src "$http_cookie"'),
        ("CSP", "default-src $http_cookie"),
        ("IMAGES_URL", "https://images.example.com/$host"),
        ("IMAGES_URL", "images.example.com"),
        ("ACCESS_LOG", "a b"),
        ("UNLIMITED", "10.0.0.0/33"),
        ("TRUSTED_PROXIES", "all"),
        ("APP", "no-such-folder"),
        ("BODY_KIB", "0"),
        ("WORKERS", "many"),
        ("HTTP_PORT", "65536"),
        ("REQUESTS_PER_S", "-1"),
    ],
)
def test_an_invalid_value_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsFault, match=f"^{PREFIX}{name}="):
        read_gateway_settings({PREFIX + name: value})


def test_pages_over_https_show_no_images_over_http() -> None:
    over_http = {f"{PREFIX}IMAGES_URL": "http://10.0.0.1:9000/images"}
    assert read_gateway_settings(over_http).images_url == "http://10.0.0.1:9000/images"
    with pytest.raises(SettingsFault, match=f"{PREFIX}IMAGES_URL must be an https:// address"):
        read_gateway_settings({**over_http, f"{PREFIX}DOMAINS": "bid.example.com"})


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(SettingsFault) as caught:
        read_gateway_settings({f"{PREFIX}WORKERS": "0", f"{PREFIX}HOSTS": "x"})
    assert len(str(caught.value).splitlines()) == 2


def test_the_environment_overrides_defaults() -> None:
    settings = read_gateway_settings({f"{PREFIX}BODY_KIB": "9", f"{PREFIX}ORDER": "a:1, b:2"}, DEV)
    assert (settings.body_kib, settings.order, settings.unlimited) == (9, ("a:1", "b:2"), DEV.unlimited)
    assert read_gateway_settings({}) == GatewaySettings()


def test_a_value_can_be_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "domains"
    file.write_text("bid.example.com,www.bid.example.com\n")
    settings = read_gateway_settings({f"{PREFIX}DOMAINS_FILE": str(file)})
    assert settings.domains == ("bid.example.com", "www.bid.example.com")


def test_http_and_https_need_different_ports() -> None:
    both = {f"{PREFIX}HTTP_PORT": "8443", f"{PREFIX}HTTPS_PORT": "8443"}
    assert read_gateway_settings(both).http_port == 8443
    with pytest.raises(SettingsFault, match="HTTPS_PORT are both 8443"):
        read_gateway_settings({**both, f"{PREFIX}DOMAINS": "bid.example.com"})
