"""Who is let in, and what is not: requests of websites, of other users of the machine, and of nobody's making."""

import hmac
from pathlib import Path
from typing import Any

import pytest

from dqnlab.live.gate import HEADERS, Keys

from .kit import HERE, HOST, KEYS, ask, order_headers, run, server_of

LOOK, CONTROL = KEYS.look, str(KEYS.control)
NUMBER = "0" * 16


@pytest.fixture
def app(tmp_path: Path) -> Any:
    (tmp_path / "runs").mkdir()
    (tmp_path / "secret").write_text("secret")
    return server_of(tmp_path / "runs").app()


def test_whoever_knows_the_address_sees_the_page_and_nothing_else_may_be_done_with_it(app: Any) -> None:
    answer = ask(app, f"/{LOOK}/")
    assert answer.status == 200
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert b"<script src=" in answer.body
    assert ask(app, f"/{LOOK}/static/run.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 403),
        ("//", 403),
        ("/static/run.js", 403),
        (f"/{LOOK}", 403),
        (f"/{LOOK[:-1]}/", 403),
        (f"/{LOOK}x/", 403),
        (f"/{LOOK.upper()}/", 403),
        (f"//{LOOK}/", 403),
        (f"/{LOOK}/../secret", 403),
        (f"/{LOOK}/static/../../../secret", 403),
        (f"/{LOOK}/static/..%2f..%2fsecret", 403),
        (f"/{LOOK}/static/%2e%2e/secret", 403),
        (f"/{LOOK}/static/%252e%252e/secret", 403),
        (f"/{LOOK}/static/..\\secret", 403),
        (f"/{LOOK}/static//etc/passwd", 403),
        (f"/{LOOK}/static/run.js%00.html", 403),
        (f"/{LOOK}/static/guard.py", 404),
        (f"/{LOOK}/static/", 404),
        (f"/{LOOK}/run/{NUMBER}/", 404),
        (f"/{LOOK}/run/secret/picture", 404),
        (f"/{LOOK}/run/{NUMBER}/news", 404),
        (f"/{LOOK}/runs/CartPole-v1", 404),
        (f"/{LOOK}/" + "a" * 300, 414),
        (b"/" + LOOK.encode() + b"/\xff\xfe", 403),
        ("/<script>alert(1)</script>/", 403),
    ],
)
def test_addresses_that_are_not_ours_lead_nowhere(app: Any, path: str | bytes, status: int) -> None:
    answer = ask(app, path)
    assert answer.status == status
    assert b"secret" not in answer.body
    assert b"<" not in answer.body
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]


@pytest.mark.parametrize("query", ["step=..%2f", "step=<b>", "run=a;b", "a=" + "1" * 3_000])
def test_only_plain_letters_are_asked_for(app: Any, query: str) -> None:
    assert ask(app, f"/{LOOK}/", query=query).status in (400, 414)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "evil.example")],
        [("host", "evil.example:8000")],
        [("host", "127.0.0.1.evil.example:8000")],
        [("host", "localhost.evil.example")],
        [("host", "0.0.0.0:8000")],
        [("host", "127.0.0.1:8000@evil.example")],
        [("host", f"{HOST}\nx: y")],
        [("host", HOST), ("host", "evil.example")],
        [("host", HOST), ("origin", "https://evil.example")],
        [("host", HOST), ("origin", "null")],
        [("host", HOST), ("origin", "http://127.0.0.1:9999")],
        [("host", HOST), ("origin", "https://127.0.0.1:8000")],
        [("host", HOST), ("origin", HERE), ("origin", "https://evil.example")],
        [("host", HOST), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        [("host", HOST), ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
    ],
)
def test_a_website_in_the_users_browser_gets_nothing_though_it_knew_the_token(app: Any, headers: list[Any]) -> None:
    assert ask(app, f"/{CONTROL}/", headers=headers).status in (403, 421)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost:9000", "[::1]:8000", "localhost"])
def test_this_machine_has_several_names_and_a_tunnel_another_port(app: Any, host: str) -> None:
    assert ask(app, f"/{LOOK}/", headers=[("host", host)]).status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT", "X", "get"])
def test_other_methods_are_not_known(app: Any, method: str) -> None:
    assert ask(app, f"/{CONTROL}/", method, order_headers()).status == 405


@pytest.mark.parametrize(
    ("token", "changed", "body", "status"),
    [
        (LOOK, {}, b'{"order": "pause"}', 403),
        (CONTROL, {"origin": ""}, b'{"order": "pause"}', 403),
        (CONTROL, {"origin": "https://evil.example"}, b'{"order": "pause"}', 403),
        (CONTROL, {"content_type": "text/plain"}, b'{"order": "pause"}', 415),
        (CONTROL, {"content_type": ""}, b'{"order": "pause"}', 415),
        (CONTROL, {}, b"x" * 2_000_000, 413),
        (CONTROL, {}, b"", 400),
        (CONTROL, {}, b"\xff\x00", 400),
        (CONTROL, {}, b"[" * 999, 400),
        (CONTROL, {}, b'{"order": "delete"}', 400),
        (CONTROL, {}, b'{"order": ["pause"]}', 400),
        (CONTROL, {}, b'{"order": "pause", "path": "/etc"}', 400),
        (CONTROL, {}, b'{"order": "pause"}', 404),
    ],
)
def test_orders_need_the_right_the_site_and_one_word(
    app: Any, token: str, changed: dict[str, str], body: bytes, status: int
) -> None:
    assert ask(app, f"/{token}/run/{NUMBER}/orders", "POST", order_headers(**changed), body).status == status


def test_a_server_that_may_only_be_looked_at_has_no_token_for_more() -> None:
    keys = Keys(control=None)
    assert keys.right(keys.look) == "look"
    assert keys.right("") is None
    assert keys.right("None") is None
    assert Keys().look != Keys().look
    assert len(Keys().look) >= 43


def test_a_token_is_compared_in_constant_time_with_both_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, other: compared.append(other) or real(one, other))
    rights = [KEYS.right(token) for token in ("", LOOK[:-1], LOOK, CONTROL, "é")]
    assert rights == [None, None, "look", "control", None]
    assert compared == [CONTROL.encode(), LOOK.encode()] * 5


def test_what_a_browser_is_started_with_leads_to_the_page_a_single_time(app: Any) -> None:
    once = app.once()
    assert ask(app, f"/{once}/run/{NUMBER}/orders", "POST", order_headers(), b"{}").status == 403
    answer = ask(app, f"/{once}/run/{NUMBER}/")
    assert (answer.status, answer.headers["location"]) == (303, f"/{CONTROL}/run/{NUMBER}/")
    assert ask(app, f"/{once}/").status == 403
    assert app.once() != once


def test_a_websocket_is_closed(app: Any) -> None:

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    run(app({"type": "websocket", "headers": [], "path": f"/{CONTROL}/"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
