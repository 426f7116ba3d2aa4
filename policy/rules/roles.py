"""Only roles of a short list are granted, and every grant names the type of its principal."""

from collections.abc import Iterator

from policy.rules.rule import UNKNOWN, Declared, Rule

# Built-in roles, by the names of their definitions (learn.microsoft.com, "Azure built-in roles"). The list repeats the
# program's on purpose: a new role must be justified here too.
_ALLOWED = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "db58b8e5-c6ad-4a2a-8342-4190687cbf4a": "Storage Blob Delegator",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "19e7f393-937e-4f77-808e-94535e297925": "Storage Queue Data Reader",
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": "Storage Queue Data Message Sender",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "d5a91429-5739-47e2-a06b-3470a27159e7": "EventGrid Data Sender",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "e4395492-1534-4db2-bedf-88c14621589c": "Media Services Media Operator",
}
_PRINCIPALS = {"ServicePrincipal", "User", "Group"}


def _breaches(resource: Declared) -> Iterator[str]:
    if resource.kind == "authorization:RoleDefinition":
        yield f"grant a built-in role instead of a custom one: {', '.join(_ALLOWED.values())}"
    if resource.kind != "authorization:RoleAssignment":
        return
    definition = resource.at("roleDefinitionId")
    if definition is not UNKNOWN and str(definition).rsplit("/", 1)[-1].lower() not in _ALLOWED:
        yield f"grant one of {', '.join(_ALLOWED.values())}, not {definition}"
    if resource.at("principalType") not in {*_PRINCIPALS, UNKNOWN}:
        yield f"set principalType to {' or '.join(sorted(_PRINCIPALS))}: Azure may not know a new principal yet"


LISTED_ROLES = Rule("listed-roles", "Only built-in roles of a short list are granted.", _breaches)
