"""Cities with the region and country that they lie in, and the languages spoken there."""

from collections.abc import Iterator
from typing import Any

_ENGLISH = "en-US"
# How many visitors read in a language of their country, and how many in English.
_OWN, _FOREIGN = 0.86, 0.14

_LANGUAGES = {
    "US": ("en-US", "en-US", "en-US", "en-US", "es-US"),
    "GB": ("en-GB",),
    "IE": ("en-IE", "en-GB"),
    "CA": ("en-CA", "en-CA", "fr-CA"),
    "AU": ("en-AU",),
    "DE": ("de-DE", "de-DE", "de"),
    "AT": ("de-AT",),
    "CH": ("de-CH", "de-CH", "fr-CH", "it-CH"),
    "FR": ("fr-FR", "fr"),
    "BE": ("nl-BE", "fr-BE"),
    "NL": ("nl-NL",),
    "ES": ("es-ES", "es-ES", "ca-ES"),
    "PT": ("pt-PT",),
    "IT": ("it-IT",),
    "PL": ("pl-PL",),
    "CZ": ("cs-CZ",),
    "SE": ("sv-SE",),
    "DK": ("da-DK",),
    "NO": ("nb-NO",),
    "FI": ("fi-FI",),
    "TR": ("tr-TR",),
    "IN": ("en-IN", "en-IN", "hi-IN"),
    "JP": ("ja-JP", "ja"),
    "KR": ("ko-KR",),
    "SG": ("en-SG", "zh-SG"),
    "BR": ("pt-BR",),
    "MX": ("es-MX",),
    "AR": ("es-AR",),
    "ZA": ("en-ZA",),
    "NG": ("en-NG",),
}

# Country, region and the region's cities with their weights, by thousandths of all visitors.
_LOCATIONS = """
US  New York: New York 62, Buffalo 3, Albany 0.4
US  California: Los Angeles 38, San Francisco 31, San Diego 12, San Jose 14, Fresno 1
US  Texas: Austin 17, Dallas 16, Houston 15, El Paso 0.8
US  Illinois: Chicago 24
US  Washington: Seattle 22, Spokane 0.7
US  Massachusetts: Boston 15, Worcester 0.5
US  Florida: Miami 13, Orlando 6
US  Georgia: Atlanta 11
US  Colorado: Denver 9, Boulder 2
US  Oregon: Portland 7
US  Maine: Portland 0.6
GB  England: London 58, Manchester 12, Birmingham 8, Bristol 5, Leeds 4, York 0.5
GB  Scotland: Edinburgh 6, Glasgow 5
GB  Wales: Cardiff 2
IE  Leinster: Dublin 8
CA  Ontario: Toronto 21, Ottawa 5
CA  Quebec: Montréal 11, Québec 1
CA  British Columbia: Vancouver 9
AU  New South Wales: Sydney 15
AU  Victoria: Melbourne 12
AU  Queensland: Brisbane 5
DE  Berlin: Berlin 28
DE  Bayern: München 19, Nürnberg 4, Würzburg 0.6
DE  Hamburg: Hamburg 13
DE  Nordrhein-Westfalen: Köln 11, Düsseldorf 7, Münster 1
DE  Hessen: Frankfurt am Main 12
AT  Wien: Wien 8
AT  Steiermark: Graz 1
CH  Zürich: Zürich 8
CH  Genève: Genève 3
CH  Ticino: Lugano 0.5
FR  Île-de-France: Paris 34
FR  Auvergne-Rhône-Alpes: Lyon 8, Grenoble 1
FR  Provence-Alpes-Côte d'Azur: Marseille 5, Nice 3
BE  Bruxelles: Bruxelles 5
BE  Vlaanderen: Antwerpen 3
NL  Noord-Holland: Amsterdam 15
NL  Zuid-Holland: Rotterdam 6, Delft 0.6
ES  Madrid: Madrid 14
ES  Catalunya: Barcelona 11, Girona 0.4
PT  Lisboa: Lisboa 5
PT  Porto: Porto 2
IT  Lombardia: Milano 10
IT  Lazio: Roma 8
PL  Mazowieckie: Warszawa 10
PL  Małopolskie: Kraków 5
CZ  Praha: Praha 5
SE  Stockholm: Stockholm 9
SE  Skåne: Malmö 1
DK  Hovedstaden: København 6
NO  Oslo: Oslo 4
FI  Uusimaa: Helsinki 4
TR  İstanbul: İstanbul 9
IN  Karnataka: Bengaluru 29
IN  Maharashtra: Mumbai 22, Pune 9
IN  Delhi: New Delhi 18
IN  Tamil Nadu: Chennai 8
JP  Tokyo: Tokyo 17
JP  Osaka: Osaka 6
KR  Seoul: Seoul 9
SG  Singapore: Singapore 11
BR  São Paulo: São Paulo 24, Campinas 3
BR  Rio de Janeiro: Rio de Janeiro 9
MX  Ciudad de México: Ciudad de México 10
AR  Buenos Aires: Buenos Aires 7
ZA  Gauteng: Johannesburg 5
NG  Lagos: Lagos 6
"""

_UNKNOWN_CITY = {"US": 14, "GB": 6, "DE": 6, "IN": 5, "BR": 4}
# The same thousandths: visitors of whom only the country is known, and not even that.
_UNKNOWN_LOCATION = 20


def locations() -> Iterator[tuple[float, dict[str, Any]]]:
    """Weighted locations, each with one language."""
    for country, region, city, weight in _known():
        own = _LANGUAGES[country]
        location = {"country": country, "region": region, "city": city}
        yield weight * _FOREIGN, {**location, "language": _ENGLISH}
        for language in own:
            yield weight * _OWN / len(own), {**location, "language": language}
    nowhere = dict.fromkeys(("country", "region", "city"), "")
    yield _UNKNOWN_LOCATION, {**nowhere, "language": _ENGLISH}


def _known() -> Iterator[tuple[str, str, str, float]]:
    for line in _LOCATIONS.strip().splitlines():
        where, cities = line.split(": ")
        country, region = where.split(maxsplit=1)
        for city in cities.split(", "):
            name, weight = city.rsplit(maxsplit=1)
            yield country, region, name, float(weight)
    for country, visitors in _UNKNOWN_CITY.items():
        yield country, "", "", visitors
