from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.apt_sources import AptSource, debian_mirror, kept_options, parse_deb822, parse_one_line

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
# between fields
URIs: http://mirror.example/security
Suites: bookworm-security
Components:
 main
Trusted: yes

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://third.example/apt
Suites: ./
"""


def test_deb822_stanzas_are_read_and_disabled_or_source_only_ones_are_not() -> None:
    assert list(parse_deb822(DEB822)) == [
        AptSource("http://mirror.example/debian", ("bookworm", "bookworm-updates"), ("main", "contrib")),
        AptSource("http://mirror.example/security", ("bookworm-security",), ("main",), trusted=True),
        AptSource("https://third.example/apt", ("./",), ()),
    ]


def test_one_line_entries_are_read_with_and_without_options() -> None:
    text = """
# deb http://off.example/debian bookworm main
deb http://a.example/debian bookworm main contrib # why
deb [arch=amd64 trusted=yes] http://b.example/debian bookworm/updates main
deb-src http://c.example/debian bookworm main
deb http://broken.example/only-a-uri
"""
    assert list(parse_one_line(text)) == [
        AptSource("http://a.example/debian", ("bookworm",), ("main", "contrib")),
        AptSource("http://b.example/debian", ("bookworm/updates",), ("main",), trusted=True),
    ]


def test_another_suite_comes_from_where_the_host_takes_its_own() -> None:
    sources = [
        *parse_deb822(DEB822),
        AptSource("https://third.example/tool", ("bookworm",), ("stable",)),
        AptSource("http://mirror.example/backports", ("bookworm-backports",), ("main",)),
    ]
    mirror = debian_mirror(sources, "trixie", "bookworm", ())
    assert mirror.lines == (
        ("http://mirror.example/debian", "trixie", False),
        ("http://mirror.example/debian", "trixie-updates", False),
        ("http://mirror.example/security", "trixie-security", True),
    )


def test_a_host_without_an_archive_of_its_own_suite_gets_the_default_mirror() -> None:
    assert debian_mirror([AptSource("http://u.example/ubuntu", ("noble",), ("main",))], "trixie", "sid", ()).lines == ()


def test_credentials_of_a_mirror_do_not_enter_the_image() -> None:
    source = AptSource("https://user:pass@mirror.example:8443/debian", ("bookworm",), ("main",))
    mirror = debian_mirror([source], "trixie", "bookworm", ())
    assert "user:pass@" in mirror.sources(credentials=True)
    assert mirror.sources(credentials=False) == "deb https://mirror.example:8443/debian trixie main\n"


def test_only_options_about_dates_are_kept() -> None:
    dump = """
Acquire::Check-Valid-Until "false";
Acquire::http::Proxy "http://user:pass@proxy.example:3142";
Acquire::Check-Date "false";
APT::Install-Recommends "0";
"""
    assert kept_options(dump) == ('Acquire::Check-Valid-Until "false";', 'Acquire::Check-Date "false";')


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    for parse in (parse_one_line, parse_deb822):
        for source in parse(text):
            assert source.uri
            assert source.suites


names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
uris = st.builds("http://{}.example/{}".format, names, names)
entries = st.builds(
    AptSource,
    uris,
    st.lists(names, min_size=1, max_size=3).map(tuple),
    st.lists(names, min_size=1, max_size=3).map(tuple),
    st.booleans(),
)


@given(st.lists(entries, max_size=4))
def test_both_styles_say_the_same(sources: list[AptSource]) -> None:
    stanzas = "\n\n".join(
        f"Types: deb\nURIs: {s.uri}\nSuites: {' '.join(s.suites)}\nComponents: {' '.join(s.components)}\n"
        f"Trusted: {'yes' if s.trusted else 'no'}"
        for s in sources
    )
    assert list(parse_deb822(stanzas)) == sources
    lines = "\n".join(
        f"deb {'[trusted=yes] ' if s.trusted else ''}{s.uri} {suite} {' '.join(s.components)}"
        for s in sources
        for suite in s.suites
    )
    assert list(parse_one_line(lines)) == [
        AptSource(s.uri, (suite,), s.components, s.trusted) for s in sources for suite in s.suites
    ]
