"""Azure's answers to the creation of resources: id, name, and the outputs that other resources read."""

import hashlib
import re
import string
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000001"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # the client id of a person who has logged in by `az login`

# Token without API version → the ARM id below `/providers/`. The last field is the resource's own name.
_TYPES = {
    "app:ContainerApp": "Microsoft.App/containerApps/{containerAppName}",
    "app:Job": "Microsoft.App/jobs/{jobName}",
    "containerregistry:Registry": "Microsoft.ContainerRegistry/registries/{registryName}",
    "app:ManagedEnvironment": "Microsoft.App/managedEnvironments/{environmentName}",
    "eventgrid:Topic": "Microsoft.EventGrid/topics/{topicName}",
    "eventgrid:TopicEventSubscription": (
        "Microsoft.EventGrid/topics/{topicName}/eventSubscriptions/{eventSubscriptionName}"
    ),
    "eventgrid:SystemTopic": "Microsoft.EventGrid/systemTopics/{systemTopicName}",
    "eventgrid:SystemTopicEventSubscription": (
        "Microsoft.EventGrid/systemTopics/{systemTopicName}/eventSubscriptions/{eventSubscriptionName}"
    ),
    "insights:ActionGroup": "Microsoft.Insights/actionGroups/{actionGroupName}",
    "insights:ScheduledQueryRule": "Microsoft.Insights/scheduledQueryRules/{ruleName}",
    "insights:Workbook": "Microsoft.Insights/workbooks/{resourceName}",
    "insights:Component": "Microsoft.Insights/components/{resourceName}",
    "managedidentity:UserAssignedIdentity": "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
    "media:MediaService": "Microsoft.Media/mediaServices/{accountName}",
    "media:Transform": "Microsoft.Media/mediaServices/{accountName}/transforms/{transformName}",
    "network:PrivateDnsZoneGroup": (
        "Microsoft.Network/privateEndpoints/{privateEndpointName}/privateDnsZoneGroups/{privateDnsZoneGroupName}"
    ),
    "network:PrivateEndpoint": "Microsoft.Network/privateEndpoints/{privateEndpointName}",
    "network:PrivateZone": "Microsoft.Network/privateDnsZones/{privateZoneName}",
    "network:VirtualNetwork": "Microsoft.Network/virtualNetworks/{virtualNetworkName}",
    "network:VirtualNetworkLink": (
        "Microsoft.Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}"
    ),
    "operationalinsights:Workspace": "Microsoft.OperationalInsights/workspaces/{workspaceName}",
    "resources:Deployment": "Microsoft.Resources/deployments/{deploymentName}",
    "storage:BlobServiceProperties": "Microsoft.Storage/storageAccounts/{accountName}/blobServices/{blobServicesName}",
    "storage:ManagementPolicy": (
        "Microsoft.Storage/storageAccounts/{accountName}/managementPolicies/{managementPolicyName}"
    ),
    "storage:BlobContainer": (
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}"
    ),
    "storage:Queue": "Microsoft.Storage/storageAccounts/{accountName}/queueServices/default/queues/{queueName}",
    "storage:StorageAccount": "Microsoft.Storage/storageAccounts/{accountName}",
    "storage:Table": "Microsoft.Storage/storageAccounts/{accountName}/tableServices/default/tables/{tableName}",
    "web:AppServicePlan": "Microsoft.Web/serverfarms/{name}",
    "web:WebApp": "Microsoft.Web/sites/{name}",
}
# Resources that extend another one, with the input that holds its id.
_EXTENSIONS = {
    "consumption:Budget": ("scope", "Microsoft.Consumption/budgets/{budgetName}"),
    "authorization:RoleAssignment": ("scope", "Microsoft.Authorization/roleAssignments/{roleAssignmentName}"),
    "eventgrid:EventSubscription": ("scope", "Microsoft.EventGrid/eventSubscriptions/{eventSubscriptionName}"),
    "insights:DiagnosticSetting": ("resourceUri", "Microsoft.Insights/diagnosticSettings/{name}"),
}


class Addresses(Protocol):
    """The addresses of services, in Azure or on one machine."""

    def storage(self, account: str) -> dict[str, str]:
        """Return a storage account's primaryEndpoints: service → address with a slash at its end."""
        ...

    def container_app(self, name: str) -> str:
        """Return a container app's host, with its port if that is not 443."""
        ...

    def topic(self, name: str) -> str:
        """Return the address that an Event Grid topic accepts events at."""
        ...

    def web_app(self, name: str) -> str:
        """Return a web app's host."""
        ...


class UnknownResourceError(Exception):
    """The program declares a resource type, or calls a function, that the local cloud does not know."""


@dataclass(frozen=True)
class Made:
    """A resource as Azure returns it. `state` holds its inputs and outputs."""

    id: str
    name: str
    state: dict[str, Any]


def kind_of(token: str) -> str:
    """`azure-native:storage/v20240101:StorageAccount` → `storage:StorageAccount`; azuread's keep their package."""
    return re.sub(r"^azure-native:|/v\w+(?=:)|(?<=^azuread:)index/\w+:", "", token)


def make(token: str, name: str, inputs: dict[str, Any], tenant_id: str, addresses: Addresses) -> Made:
    """Return the resource as Azure would. Raises UnknownResourceError."""
    kind = kind_of(token)
    if kind.startswith("azuread:"):
        return _directory_object(kind, name, inputs)
    resource_id = _resource_id(kind, name, inputs)
    own_name = resource_id.rsplit("/", 1)[-1]
    state = {**inputs, "name": own_name, **_outputs(kind, resource_id, own_name, inputs, tenant_id, addresses)}
    if "identity" in inputs:
        state["identity"] = _identity(resource_id, inputs["identity"], tenant_id)
    return Made(resource_id, own_name, state)


def path_inputs(token: str) -> list[str]:
    """Return the inputs that form a resource's id, its own name last. Raises UnknownResourceError."""
    kind = kind_of(token)
    if kind == "resources:ResourceGroup":
        return ["resourceGroupName"]
    if kind in _EXTENSIONS:
        scope_input, template = _EXTENSIONS[kind]
    elif kind in _TYPES:
        scope_input, template = "resourceGroupName", _TYPES[kind]
    else:
        raise UnknownResourceError(
            f"azure-native's {kind} is not known to the local cloud; add it to _TYPES in local/graph/outputs.py"
        )
    return [scope_input, *(field for _, field, _, _ in string.Formatter().parse(template) if field)]


def _directory_object(kind: str, name: str, inputs: dict[str, Any]) -> Made:
    object_id = _guid(f"{kind}/{name}")
    outputs: dict[str, str] = {}
    match kind:
        case "azuread:ApplicationRegistration":
            outputs["clientId"] = _guid(f"{object_id}/client")
        case "azuread:ServicePrincipal":
            outputs["objectId"] = object_id
    return Made(object_id, name, {**inputs, **outputs})


def _resource_id(kind: str, name: str, inputs: dict[str, Any]) -> str:
    fields = path_inputs(kind)
    values = {field: inputs.get(field) for field in fields}
    values[fields[-1]] = values[fields[-1]] or _automatic_name(kind, name)
    if kind in _EXTENSIONS:
        scope_input, template = _EXTENSIONS[kind]
        return f"{values[scope_input]}/providers/{template.format(**values)}"
    group = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{values['resourceGroupName']}"
    return f"{group}/providers/{_TYPES[kind].format(**values)}" if kind in _TYPES else group


def _automatic_name(kind: str, name: str) -> str:
    """Return a name like the provider's automatic ones: with eight hex digits, here the same in every run."""
    return name + hashlib.sha256(f"{kind}|{name}".encode()).hexdigest()[:8]


def _guid(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text.lower()))


def principal_of(resource_id: str) -> str:
    """Return the principal id of an identity, or of a resource with a system-assigned one."""
    return _guid(f"{resource_id}/principal")


# Kind → the outputs that Azure adds to the declared inputs, apart from the name.
_OUTPUTS: dict[str, tuple[str, ...]] = {
    "app:ContainerApp": ("configuration",),
    "azuread:ApplicationRegistration": ("clientId",),
    "azuread:ServicePrincipal": ("objectId",),
    "containerregistry:Registry": ("loginServer",),
    "eventgrid:Topic": ("endpoint",),
    "insights:Component": ("connectionString", "instrumentationKey"),
    "managedidentity:UserAssignedIdentity": ("clientId", "principalId", "tenantId"),
    "operationalinsights:Workspace": ("customerId",),
    "storage:StorageAccount": ("primaryEndpoints",),
    "web:WebApp": ("defaultHostName",),
}


def output_names(token: str, inputs: dict[str, Any]) -> list[str]:
    """Return the outputs that only Azure's answer holds, and that are unknown in a preview."""
    kind = kind_of(token)
    named = [] if kind.startswith("azuread:") else ["name"]
    return [*named, *_OUTPUTS.get(kind, ()), *(["identity"] if "identity" in inputs else [])]


def _outputs(
    kind: str, resource_id: str, name: str, inputs: dict[str, Any], tenant_id: str, addresses: Addresses
) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    match kind:
        case "storage:StorageAccount":
            outputs["primaryEndpoints"] = addresses.storage(name)
        case "managedidentity:UserAssignedIdentity":
            outputs["clientId"] = _guid(f"{resource_id}/client")
            outputs["principalId"] = principal_of(resource_id)
            outputs["tenantId"] = tenant_id
        case "app:ContainerApp":
            ingress = {**inputs["configuration"]["ingress"], "fqdn": addresses.container_app(name)}
            outputs["configuration"] = {**inputs["configuration"], "ingress": ingress}
        case "containerregistry:Registry":
            outputs["loginServer"] = f"{name.lower()}.azurecr.io"
        case "eventgrid:Topic":
            outputs["endpoint"] = addresses.topic(name)
        case "web:WebApp":
            outputs["defaultHostName"] = addresses.web_app(name)
        case "insights:Component":
            outputs["instrumentationKey"] = _guid(resource_id)
            outputs["connectionString"] = f"InstrumentationKey={outputs['instrumentationKey']}"
        case "operationalinsights:Workspace":
            outputs["customerId"] = _guid(resource_id)
    return outputs


def _identity(resource_id: str, declared: dict[str, Any], tenant_id: str) -> dict[str, Any]:
    identity = dict(declared)
    if "SystemAssigned" in declared["type"]:
        identity |= {"principalId": principal_of(resource_id), "tenantId": tenant_id}
    if "userAssignedIdentities" in declared:  # a list in the inputs, a map in the outputs
        identity["userAssignedIdentities"] = {each: {} for each in declared["userAssignedIdentities"]}
    return identity


def answer(token: str, args: Mapping[str, Any], *, tenant_id: str, deployer_id: str) -> dict[str, Any]:
    """Return the result of one of the provider's functions, as Azure would. Raises UnknownResourceError."""
    match token.rsplit(":", maxsplit=1)[-1]:
        case "getClientConfig":
            return {
                "clientId": AZURE_CLI,
                "objectId": deployer_id,
                "subscriptionId": SUBSCRIPTION_ID,
                "tenantId": tenant_id,
            }
        case "getResourceGroup":
            group = args["resourceGroupName"]
            return {**args, "id": _resource_id("resources:ResourceGroup", group, dict(args)), "name": group}
    raise UnknownResourceError(
        f"the program calls {token}, which the local cloud does not know; add it to answer() in local/graph/outputs.py"
    )
