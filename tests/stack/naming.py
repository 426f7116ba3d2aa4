"""Azure's rules for names, by kind of resource (learn.microsoft.com, "Naming rules and restrictions")."""

import re
from dataclasses import dataclass

from local.graph.program import Resource

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LETTERS_DIGITS_SINGLE_HYPHENS = r"(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?"


@dataclass(frozen=True)
class Rule:
    """The allowed characters and length of a name."""

    pattern: str
    least: int
    most: int


_RULES = {
    "app:ContainerApp": Rule(r"(?!.*--)[a-z]([a-z0-9-]*[a-z0-9])?", 2, 32),
    "app:Job": Rule(r"(?!.*--)[a-z]([a-z0-9-]*[a-z0-9])?", 2, 32),
    "app:ManagedEnvironment": Rule(r"(?!.*--)[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?", 2, 60),
    "authorization:RoleAssignment": Rule(_GUID, 36, 36),
    "consumption:Budget": Rule(r"[A-Za-z0-9_-]+", 1, 63),
    "containerregistry:Registry": Rule(r"[A-Za-z0-9]+", 5, 50),
    "eventgrid:Topic": Rule(r"[A-Za-z0-9-]+", 3, 50),
    "eventgrid:SystemTopic": Rule(r"[A-Za-z0-9-]+", 3, 50),
    "eventgrid:SystemTopicEventSubscription": Rule(r"[A-Za-z0-9-]+", 3, 64),
    "insights:ActionGroup": Rule(r"[^:<>+/&%\\?|#*]*[^:<>+/&%\\?|#* .]", 1, 260),
    "insights:Component": Rule(r"[^%&\\?/]*[^%&\\?/ .]", 1, 260),
    "insights:DiagnosticSetting": Rule(r"[^*<>%:&?+/\\]*[^*<>%:&?+/\\ .]", 1, 260),
    "insights:MetricAlert": Rule(r"[^:<>+/&%\\?|#*{}]*[^:<>+/&%\\?|#*{} .]", 1, 260),
    "insights:ScheduledQueryRule": Rule(r"[^*<>%{}&:\\?/#|]*[^*<>%{}&:\\?/#| .]", 1, 260),
    "insights:Workbook": Rule(_GUID, 36, 36),
    "managedidentity:UserAssignedIdentity": Rule(r"[A-Za-z0-9][A-Za-z0-9_-]*", 3, 128),
    "media:MediaService": Rule(r"[a-z0-9]+", 3, 24),
    "media:Transform": Rule(r"[^<>%&:\\?/*+.'|\s]+", 1, 260),
    "network:NetworkSecurityGroup": Rule(r"[A-Za-z0-9]([\w.-]*\w)?", 1, 80),
    "network:PrivateDnsZoneGroup": Rule(r"[A-Za-z0-9]([\w.-]*\w)?", 1, 80),
    "network:PrivateEndpoint": Rule(r"[A-Za-z0-9]([\w.-]*\w)?", 2, 64),
    "network:PrivateZone": Rule(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,33}", 3, 253),
    "network:Subnet": Rule(r"[A-Za-z0-9]([\w.-]*\w)?", 1, 80),
    "network:VirtualNetwork": Rule(r"[A-Za-z0-9]([\w.-]*\w)?", 2, 64),
    "network:VirtualNetworkLink": Rule(r"[A-Za-z0-9]([\w.-]*\w)?", 1, 80),
    "operationalinsights:Workspace": Rule(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])", 4, 63),
    "resources:Deployment": Rule(r"[\w.()-]+", 1, 64),
    "resources:ResourceGroup": Rule(r"[\w.()-]*[\w()-]", 1, 90),
    "storage:BlobContainer": Rule(_LETTERS_DIGITS_SINGLE_HYPHENS, 3, 63),
    "storage:BlobServiceProperties": Rule("default", 7, 7),
    "storage:ManagementPolicy": Rule("default", 7, 7),
    "storage:Queue": Rule(_LETTERS_DIGITS_SINGLE_HYPHENS, 3, 63),
    "storage:StorageAccount": Rule(r"[a-z0-9]+", 3, 24),
    "storage:Table": Rule(r"[A-Za-z][A-Za-z0-9]*", 3, 63),
    "web:AppServicePlan": Rule(r"[A-Za-z0-9-]+", 1, 60),
    # the host names its locks by the first 32 characters, which longer names with the same beginning would share
    "web:WebApp": Rule(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])", 2, 32),
}


def name_of(resource: Resource) -> str:
    """Return the name in Azure: as declared, or the logical name with the provider's eight hex digits."""
    return str(resource.state["name"])


def breach(kind: str, name: str) -> str | None:
    """Return one line about the breach of its kind's rule by a name, or None."""
    rule = _RULES.get(kind)
    if rule is None:
        return f"{kind} {name!r}: there is no rule for its kind; add one to _RULES in tests/stack/naming.py"
    if not rule.least <= len(name) <= rule.most:
        return f"{kind} {name!r}: has {len(name)} characters; allowed: {rule.least} to {rule.most}"
    if not re.fullmatch(rule.pattern, name, re.ASCII):
        return f"{kind} {name!r}: does not match {rule.pattern}"
    return None
