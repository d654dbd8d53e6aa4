"""What a message is made of, before anybody routes it: characters, segments, numbers, senders, networks."""

from pointsman.text.alphabet import DEFAULT_TABLE, ESCAPE, EXTENSION_TABLE, septets
from pointsman.text.msisdn import country_of, country_of_prefix, is_region, parse_msisdn
from pointsman.text.networks import KnownNetwork, Networks, bundled_networks
from pointsman.text.operators import OperatorMatch, network_by_mnc, operator_network
from pointsman.text.ranges import NumberRange, NumberRanges, classify, read_ranges
from pointsman.text.regions import region_name
from pointsman.text.segments import count_segments
from pointsman.text.sender import check_sender, valid_sender
from pointsman.text.translit import translit
from pointsman.text.zones import clock_of, country_zone, moment_of, possible_zones, region_zone

__all__ = [
    "DEFAULT_TABLE",
    "ESCAPE",
    "EXTENSION_TABLE",
    "KnownNetwork",
    "Networks",
    "NumberRange",
    "NumberRanges",
    "OperatorMatch",
    "bundled_networks",
    "check_sender",
    "classify",
    "clock_of",
    "count_segments",
    "country_of",
    "country_of_prefix",
    "country_zone",
    "is_region",
    "moment_of",
    "network_by_mnc",
    "operator_network",
    "parse_msisdn",
    "possible_zones",
    "read_ranges",
    "region_name",
    "region_zone",
    "septets",
    "translit",
    "valid_sender",
]
