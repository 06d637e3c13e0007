"""Recognition over tens of thousands of user agents of people and of programs.

A bot that is taken for a person can be filtered out later; a person taken for
a bot is missing from every list for good. So of people none may be taken for
one, but for labels that are wrong. `-s` prints the figures.
"""

import re
from collections import Counter
from functools import cache

from sessions.domain import bots

from tests.support import corpus
from tests.support.corpus import Sample

MANY_PEOPLE, MANY_PROGRAMS = 2_000, 1_000
FOUND = 0.97
EXPOSED = 0.005

# Labelled as people's, each with the reason why it is not
PROGRAMS_AMONG_PEOPLE = {
    "a browser without a window": [
        *("HeadlessChrome", "PhantomJS", "Chrome-Lighthouse"),
    ],
    "renders pages for Google": [
        *("Google Web Preview", "Google Page Speed", "Google-Adwords-DisplayAds"),
    ],
    "checks availability or speed": ["Neustar WPM", "Rigor)", "notifyninja.com/monitoring"],
    "checks links and quality": [
        *("BrokenLinkCheck.com", "Web Link Validator", "Siteimprove.com", "HubSpot Webcrawler"),
    ],
    "looks at advertisements": [
        "adbeat.com/policy",
        "CrystalSemanticsBot",
        "NetShelter ContentScan",
    ],
    "crawls": [
        *("CanvaCrawler", "Datanyze", "IndeedBot", "ZumBot", "Applebot", "gsa-crawler"),
        *("MS Search 6.0 Robot", "Daum 4.1", "Daumoa", "HuaweiSymantecSpider", "Leikibot"),
        *("AugustBot", "SMTBot", "MauiBot", "James BOT", "Mail.RU_Bot", "Girafabot", "BDCbot"),
        *("www.baidu.com/search/spi", "pageburst"),
    ],
    "downloads a page and what it links to": ["HTTrack", "MSIECrawler", "WebCapture"],
    "makes previews, or translates": [
        *("FlipboardProxy", "SkypeUriPreview", "SnapPreviewBot", "baidu Transcoder"),
    ],
    "a library or a shell": ["WinHttpRequest", "WindowsPowerShell", "Ruby, Mozilla"],
    "an updater, and what fetches certificates": ["Microsoft Edge Update", "Microsoft-CryptoAPI"],
    "fetches podcasts": ["gPodder"],
    "an address, and no browser named": ["dragonfly(ebingbong@playstarmusic.com)"],
}

# Labelled as programs, each with the reason why it is not
PEOPLE_AMONG_PROGRAMS = {
    "the app of Yahoo! Japan": ["YJApp-"],
    "phones": ["HTC Butterfly", "HTC_Butterfly", "butterfly 3"],
    "a phone of HOTWAV": ["COSMOS X2", "Cosmos V", "Cosmos_V"],
    "the browser of Sogou": ["SogouMobileBrowser", "SogouSearch", "Sogousearch", "SogouMSE"],
    "apps": [
        "Pinterest for Android",
        "YahooMobileMessenger",
        "AppleCoreMedia",
    ],
    "an app that tells Matomo what its user does": ["MatomoTrackerSDK"],
    "a page that a person reads through a translator": ["babelfish.yahoo.com"],
    "an editor with a browser in it": ["Code/1.", "Trae/"],
    "a browser for one website on macOS": ["Fluid/0.9.6"],
    "Facebook's and Instagram's browsers on phones": ["MetaIAB Facebook", "Instagram 406"],
}


def test_the_corpus_is_large_and_of_independent_sources() -> None:
    assert len(corpus.people()) >= MANY_PEOPLE
    assert len({sample.source for sample in corpus.people()}) >= 4
    assert len(corpus.programs()) >= MANY_PROGRAMS
    assert len({sample.source for sample in corpus.programs()}) >= 3


def test_no_person_is_taken_for_a_bot() -> None:
    taken, wrong = _people()
    for source, count in Counter(sample.source for sample in taken).items():
        print(f"{source}: {count:,} user agents of people")
    print(f"and {len(wrong)} with wrong labels")
    assert [each.user_agent for each in taken if _is_bot(each)] == []


def test_nearly_all_programs_are_found() -> None:
    programs, wrong = _programs()
    total = Counter(sample.kind for sample in programs)
    found = Counter(sample.kind for sample in programs if _is_bot(sample))
    for kind, count in sorted(total.items()):
        print(f"{kind}: {found[kind]:,} of {count:,} ({found[kind] / count:.1%})")
    print(f"all: {found.total():,} of {total.total():,} ({found.total() / total.total():.1%})")
    assert not [each.user_agent for each in wrong if _is_bot(each)]
    assert found.total() >= FOUND * total.total()
    # Of those without a kind half are bare words: "Antoine", "revolt", "firefox"
    assert {kind for kind in total if found[kind] < FOUND * total[kind]} == {corpus.NO_KIND}


def test_what_the_libraries_list_makes_hardly_anybody_a_bot() -> None:
    """Their lists change every month, and reach production before this test."""
    taken, _ = _people()
    exposed = [each for each in taken if bots.is_bot(each.user_agent, is_spider=True)]
    print(f"{len(exposed):,} of {len(taken):,} people depend on the libraries' lists")
    assert len(exposed) <= EXPOSED * len(taken)


def test_every_wrong_label_is_still_there() -> None:
    for _, wrong, labels in [
        (*_people(), _parts(PROGRAMS_AMONG_PEOPLE)),
        (*_programs(), _parts(PEOPLE_AMONG_PROGRAMS)),
    ]:
        assert [
            label for label in labels if not any(label in each.user_agent for each in wrong)
        ] == []


def _people() -> tuple[list[Sample], list[Sample]]:
    return _split(corpus.people(), _parts(PROGRAMS_AMONG_PEOPLE))


def _programs() -> tuple[list[Sample], list[Sample]]:
    return _split(corpus.programs(), _parts(PEOPLE_AMONG_PROGRAMS))


def _parts(labels: dict[str, list[str]]) -> tuple[str, ...]:
    return tuple(part for parts in labels.values() for part in parts)


def _is_bot(sample: Sample) -> bool:
    return corpus.client(sample.user_agent).is_bot


@cache
def _split(
    samples: tuple[Sample, ...], labels: tuple[str, ...]
) -> tuple[list[Sample], list[Sample]]:
    """The samples that are what they are labelled as, and the others."""
    wrong_label = re.compile("|".join(map(re.escape, labels)))
    right: list[Sample] = []
    wrong: list[Sample] = []
    for sample in samples:
        (wrong if wrong_label.search(sample.user_agent) else right).append(sample)
    return right, wrong
