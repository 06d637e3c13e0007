"""Path, host and utm parameters of URLs, good and broken ones."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sessions.domain.limits import MAX_HOSTNAME
from sessions.domain.urls import Url, host, is_same_site, referrer_host, split_url


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://example.com/pricing", "/pricing"),
        ("https://example.com", "/"),
        ("https://example.com/", "/"),
        ("https://example.com?a=1", "/"),
        ("https://example.com#top", "/"),
        ("/pricing", "/pricing"),
        ("/pricing?plan=pro#faq", "/pricing"),
        ("/a#b?c", "/a"),
        ("/Pricing//Team/", "/Pricing//Team/"),  # case and slashes as they are
        ("//wp-admin/", "//wp-admin/"),  # a path in a log, not a host
        ("/a/../b/./c", "/a/../b/./c"),
        ("/a;v=1,2", "/a;v=1,2"),
        ("/a:b@c", "/a:b@c"),
        ("/redirect?to=https://other.example/", "/redirect"),
        ("", ""),
        ("?a=1", ""),
        ("#top", ""),
        ("pricing", "pricing"),
        ("about:blank", "about:blank"),
        ("*", "*"),
        ("http:///x", "/x"),
        ("android-app://com.example/open", "/open"),
        (" https://example.com/pricing", "/pricing"),
        ("\x00\x1f /pricing\t\n", "/pricing"),
        ("https://example.com/pri\ncing\t", "/pricing"),
        ("/a b", "/a b"),
    ],
)
def test_path(url: str, path: str) -> None:
    assert split_url(url).path == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/caf%C3%A9", "/café"),
        ("/caf%c3%a9", "/café"),
        ("/café", "/café"),
        ("/%25C3%25A9", "/%C3%A9"),  # once only
        ("/a%2Fb", "/a/b"),
        ("/a%3Fb%23c", "/a?b#c"),
        ("/a+b", "/a+b"),  # a plus is a plus in a path
        ("/caf%E9", "/caf%E9"),  # not UTF-8
        ("/caf%E9/%C3%A9", "/caf%E9/%C3%A9"),  # all or nothing
        ("/a%00b", "/a%00b"),  # NUL can't be stored
        ("/%ED%A0%80", "/%ED%A0%80"),  # a surrogate is not UTF-8
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
    ],
)
def test_path_is_percent_decoded_once(url: str, path: str) -> None:
    assert split_url(url).path == path


@pytest.mark.parametrize(
    ("url", "hostname"),
    [
        ("https://Example.COM/", "example.com"),
        ("https://example.com:8443/", "example.com"),
        ("https://user:secret@example.com/", "example.com"),
        ("https://user@odd@example.com/", "example.com"),
        ("http://[2001:DB8::1]:8080/", "[2001:db8::1]"),
        ("http://[2001:db8::1", ""),
        ("http://[2001:db8::1]x", ""),
        ("http://[2001:DB8:0:0::1]/", "[2001:db8::1]"),
        ("http://[::FFFF:192.0.2.1]/", "[::ffff:192.0.2.1]"),
        ("http://[nonsense]/", ""),
        ("http://[fe80::1%25eth0]/", ""),
        ("http://192.0.2.1/", "192.0.2.1"),
        ("http://MÜNCHEN.example/", "xn--mnchen-3ya.example"),
        ("http://XN--MNCHEN-3YA.example/", "xn--mnchen-3ya.example"),
        ("http://m%C3%BCnchen.example/", "xn--mnchen-3ya.example"),
        ("http://mu\u0308nchen.example/", "xn--mnchen-3ya.example"),  # u and two dots
        ("http://faß.example/", "xn--fa-hia.example"),  # not "fass"
        ("http://\uff45xample\u3002com/", "example.com"),  # full width
        ("http://☕.example/", "xn--53h.example"),  # UTS 46 only
        ("http://my_host.bücher.example/", "my_host.xn--bcher-kva.example"),
        ("http://example.com./", "example.com"),
        ("http://example.com.:80/", "example.com"),
        ("http://./", ""),
        ("http://exa mple.com/", ""),
        ("http://exa%20mple.com/", ""),
        ("http://a<b>.example/", ""),
        ("http://\ufffd.example/", ""),
        ("http://" + "ü" * (MAX_HOSTNAME + 1) + "/", ""),
        ("http://example.com:port/", "example.com"),
        ("http://" + "a" * MAX_HOSTNAME + "/", "a" * MAX_HOSTNAME),
        ("http://" + "a" * (MAX_HOSTNAME + 1) + "/", ""),
        ("file:///etc/hosts", ""),
        ("/path", ""),
        ("example.com/path", ""),
        ("", ""),
    ],
)
def test_hostname(url: str, hostname: str) -> None:
    assert split_url(url).hostname == hostname


@pytest.mark.parametrize(
    ("query", "utm"),
    [
        ("utm_source=a&utm_medium=b&utm_campaign=c", ("a", "b", "c")),
        ("x=1&utm_campaign=spring+sale&y=2", ("", "", "spring sale")),
        ("utm_source=a%20b%2Bc", ("a b+c", "", "")),
        ("utm_source=%C3%A9", ("é", "", "")),
        ("utm_source=%2525", ("%25", "", "")),  # once only
        ("utm_source=%E9", ("%E9", "", "")),
        ("utm_source=a%00", ("a%00", "", "")),
        ("utm_source=first&utm_source=second", ("first", "", "")),
        ("utm_source=&utm_source=second", ("", "", "")),
        ("utm_source", ("", "", "")),
        ("utm_source=a=b", ("a=b", "", "")),
        ("utm%5Fsource=a", ("a", "", "")),
        ("my_utm_source=a&utm_sources=b", ("", "", "")),
        ("UTM_SOURCE=a&Utm_Medium=b", ("a", "b", "")),
        ("utm_source=a&UTM_SOURCE=b", ("a", "", "")),
        ("utm_source=a&amp;utm_medium=b&amp%3Butm_campaign=c", ("a", "b", "c")),
        ("amp;utm_source=a&xamp;utm_medium=b", ("a", "", "")),
        ("&&utm_medium=email&", ("", "email", "")),
        ("utm_source=a#utm_medium=b", ("a", "", "")),
    ],
)
def test_utm(query: str, utm: tuple[str, str, str]) -> None:
    assert split_url(f"/?{query}")[2:] == utm
    assert split_url(f"https://example.com/?{query}")[2:] == utm


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://www.Google.com/search?q=x", "www.google.com"),
        ("https://google.com", "google.com"),
        ("http://user@t.co:80#x", "t.co"),
        ("https://example.com?x=/y", "example.com"),
        ("android-app://com.slack", "com.slack"),
        ("//t.co/abc", "t.co"),
        ("http://[::1]/", "[::1]"),
        ("/pricing", ""),
        ("https://other.example\n", "other.example"),
        (" https://oth\ter.exa\r\nmple/ ", "other.example"),
        ("https://evil.example\\@shop.example/", "evil.example"),
        ("google.com", ""),
        ("-", ""),
        ("", ""),
    ],
)
def test_referrer_host(referrer: str, host: str) -> None:
    assert referrer_host(referrer) == host


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Shop.Example", "shop.example"),
        ("shop.example/", "shop.example"),
        ("https://shop.example", "shop.example"),
        ("https://user:secret@shop.example:8443/a?b#c", "shop.example"),
        ("//shop.example/a", "shop.example"),
        ("shop.example?a=b", "shop.example"),
        (" shop.example\n", "shop.example"),
        ("2001:DB8::1", "[2001:db8::1]"),
        ("[2001:db8::1]:443", "[2001:db8::1]"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("2026-03-05T10:00:00.1Z", ""),
        ("shop example", ""),
        ("/pricing", ""),
        ("", ""),
    ],
)
def test_a_host_alone_or_with_what_stands_around_it(text: str, found: str) -> None:
    assert host(text) == found
    assert host(host(text)) == host(text)


def test_a_leading_www_makes_no_other_site() -> None:
    assert is_same_site("www.shop.example", "shop.example")
    assert is_same_site("shop.example", "www.shop.example")
    assert not is_same_site("blog.shop.example", "shop.example")
    assert not is_same_site("www2.shop.example", "shop.example")


@given(st.text())
@example("http://[")
@example("http://[::1]x:y@/")
@example("http://\ud800/?utm_source=\ud800%41")
@example("http://a.example:99999999/%")
def test_garbage_never_raises(text: str) -> None:
    for each in (text, f"https://{text}", f"/{text}?utm_source={text}"):
        assert all(isinstance(part, str) for part in split_url(each))
        assert isinstance(referrer_host(each), str)
        assert host(host(each)) == host(each)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")))
def test_whatever_can_be_stored_gives_parts_that_can(text: str) -> None:
    assert "\0" not in "".join(split_url(f"https://{text}"))
    assert split_url(text) == split_url(text)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
)
def test_what_a_browser_encodes_comes_back(path: str, source: str) -> None:
    from urllib.parse import quote, quote_plus

    url = f"https://example.com/{quote(path, safe='')}?utm_source={quote_plus(source)}"
    assert split_url(url) == Url("/" + path, "example.com", source, "", "")


def test_hostile_urls_take_no_long() -> None:
    start = time.perf_counter()
    for each in ("&utm_source" * 700, "%" * 8_000, "a:" * 4_000, "http://" + "@[" * 4_000):
        split_url("/?" + each)
        split_url(each)
        referrer_host(each)
    assert time.perf_counter() - start < 0.5
