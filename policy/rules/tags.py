"""Every resource that takes tags names its project and stack."""

from collections.abc import Iterator

from policy.rules.rule import UNKNOWN, Declared, Rule

_WANTED = ("project", "stack")
# Kinds that take no tags. All others must have them.
TAGLESS = {
    "authorization:RoleAssignment",
    "authorization:RoleDefinition",
    "consumption:Budget",
    "eventgrid:EventSubscription",
    "eventgrid:SystemTopicEventSubscription",
    "eventgrid:TopicEventSubscription",
    "insights:DiagnosticSetting",
    "media:Transform",
    "network:PrivateDnsZoneGroup",
    "network:Subnet",
    "storage:BlobContainer",
    "storage:BlobServiceProperties",
    "storage:ManagementPolicy",
    "storage:Queue",
    "storage:Table",
}


def _breaches(resource: Declared) -> Iterator[str]:
    if resource.kind not in TAGLESS:
        missing = [tag for tag in _WANTED if not resource.at(f"tags.{tag}")]
        if missing and resource.at("tags") is not UNKNOWN:
            hint = "if the kind takes none, add it to TAGLESS in policy/rules/tags.py"
            yield f"add the tags {', '.join(missing)}; {hint}"


TAGS = Rule("tags", "Every resource that takes tags names its project and stack.", _breaches)
