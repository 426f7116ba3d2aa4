"""The rules, one concern per file, independent of Pulumi's policy SDK."""

from policy.rules.events import DEAD_LETTERS, NO_TOPIC_KEYS
from policy.rules.flex import FLEX_CONSUMPTION
from policy.rules.plain_secrets import NO_PLAIN_SECRETS
from policy.rules.roles import LISTED_ROLES
from policy.rules.rule import UNKNOWN, Declared, Rule, kind_of
from policy.rules.storage import NO_PUBLIC_BLOBS, NO_SHARED_KEYS
from policy.rules.tags import TAGS
from policy.rules.transport import HTTPS_ONLY, TLS_1_2

RULES = [
    NO_SHARED_KEYS,
    NO_PUBLIC_BLOBS,
    NO_TOPIC_KEYS,
    TLS_1_2,
    HTTPS_ONLY,
    NO_PLAIN_SECRETS,
    LISTED_ROLES,
    DEAD_LETTERS,
    FLEX_CONSUMPTION,
    TAGS,
]

__all__ = ["RULES", "UNKNOWN", "Declared", "Rule", "kind_of"]
