"""Each rule accepts a sound resource and names the remedy for a broken one."""

from typing import Any

import pytest

from policy.rules import RULES, UNKNOWN, Declared, kind_of

TAGS = {"project": "face-redaction", "stack": "dev"}
ACCOUNT = {
    "allowSharedKeyAccess": False,
    "allowBlobPublicAccess": False,
    "enableHttpsTrafficOnly": True,
    "minimumTlsVersion": "TLS1_2",
    "tags": TAGS,
}
SITE = {"httpsOnly": True, "siteConfig": {"minTlsVersion": "1.2", "ftpsState": "Disabled"}, "tags": TAGS}
FLEX = {**SITE, "functionAppConfig": {}, "siteConfig": {"minTlsVersion": "1.2"}}
APP = {"configuration": {"ingress": {"allowInsecure": False}}, "tags": TAGS}
TOPIC = {"disableLocalAuth": True, "minimumTlsVersionAllowed": "1.2", "tags": TAGS}
# What newer regions answer 400 to, with the value that a provider or a habit would give it.
FLEX_REFUSES: dict[str, Any] = {
    "alwaysOn": False,
    "ftpsState": "Disabled",
    "functionAppScaleLimit": 200,
    "functionsRuntimeScaleMonitoringEnabled": False,
    "linuxFxVersion": "Python|3.13",
    "netFrameworkVersion": "v4.6",
    "preWarmedInstanceCount": 0,
    "use32BitWorkerProcess": True,
    "windowsFxVersion": "",
}
GRANT = {
    "roleDefinitionId": "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/"
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "principalType": "ServicePrincipal",
}
SUBSCRIPTION = {"deadLetterWithResourceIdentity": {"deadLetterDestination": {"endpointType": "StorageBlob"}}}
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
SIGNATURE = "https://a.blob.core.windows.net/b?sp=r&sig=" + "aB3%2F" * 8 + "%3D"


def site(name: str, value: Any) -> dict[str, Any]:
    return {**SITE, "siteConfig": {"minTlsVersion": "1.2", "appSettings": [{"name": name, "value": value}]}}


def app(**env: Any) -> dict[str, Any]:
    return {**APP, "template": {"containers": [{"name": "api", "env": [env]}]}}


def deployment(kind: str) -> dict[str, Any]:
    """A nested deployment with a link to a package, given as a parameter of this kind."""
    template = {"parameters": {"packageUri": {"type": kind}}}
    return {"properties": {"template": template, "parameters": {"packageUri": {"value": SIGNATURE}}}, "tags": TAGS}


def breaches(kind: str, inputs: dict[str, Any]) -> dict[str, list[str]]:
    """Return the messages by rule."""
    said = {rule.name: list(rule.breaches(Declared(kind, inputs))) for rule in RULES}
    return {rule: lines for rule, lines in said.items() if lines}


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("storage:StorageAccount", ACCOUNT),
        ("storage:StorageAccount", dict.fromkeys(ACCOUNT, UNKNOWN)),
        ("eventgrid:Topic", TOPIC),
        ("eventgrid:Topic", dict.fromkeys(TOPIC, UNKNOWN)),
        ("storage:BlobContainer", {}),
        ("storage:BlobContainer", {"publicAccess": "None"}),
        ("web:WebApp", SITE),
        ("web:WebApp", FLEX),
        ("web:WebApp", FLEX | {"functionAppConfig": UNKNOWN, "siteConfig": UNKNOWN}),
        ("web:WebApp", {"httpsOnly": UNKNOWN, "siteConfig": UNKNOWN, "tags": UNKNOWN}),
        ("web:WebApp", site("DB_PASSWORD", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/p)")),
        (
            "web:WebApp",
            site("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=1;IngestionEndpoint=https://i"),
        ),
        ("web:WebApp", site("AzureWebJobsStorage__credential", "managedidentity")),
        ("web:WebApp", site("TOKEN_AUDIENCE", "api://a")),
        ("app:ContainerApp", APP),
        ("app:ContainerApp", app(name="DB_PASSWORD", secretRef="db")),
        ("app:ContainerApp", app(name="LAKE", value=UNKNOWN)),
        ("app:Job", {"configuration": {"secrets": [{"name": "db", "keyVaultUrl": "https://v"}]}, "tags": TAGS}),
        ("media:MediaService", {"minimumTlsVersion": "Tls12", "tags": TAGS}),
        ("authorization:RoleAssignment", GRANT),
        ("authorization:RoleAssignment", {**GRANT, "roleDefinitionId": UNKNOWN}),
        ("eventgrid:SystemTopicEventSubscription", SUBSCRIPTION),
        ("eventgrid:SystemTopicEventSubscription", {"deadLetterWithResourceIdentity": UNKNOWN}),
        ("resources:ResourceGroup", {"tags": {**TAGS, "costCentre": "1"}}),
        ("resources:Deployment", deployment("secureString")),
    ],
)
def test_a_sound_resource_breaks_no_rule(kind: str, inputs: dict[str, Any]) -> None:
    assert breaches(kind, inputs) == {}


@pytest.mark.parametrize(
    ("rule", "kind", "inputs", "said"),
    [
        ("no-shared-keys", "storage:StorageAccount", ACCOUNT | {"allowSharedKeyAccess": True}, "allowSharedKeyAccess"),
        ("no-shared-keys", "storage:StorageAccount", ACCOUNT | {"allowSharedKeyAccess": None}, "allowSharedKeyAccess"),
        ("no-public-blobs", "storage:StorageAccount", ACCOUNT | {"allowBlobPublicAccess": True}, "allowBlobPublic"),
        ("no-public-blobs", "storage:StorageAccount", ACCOUNT | {"allowBlobPublicAccess": None}, "allowBlobPublic"),
        ("no-public-blobs", "storage:BlobContainer", {"publicAccess": "Blob"}, "set publicAccess to None"),
        ("tls-1-2", "storage:StorageAccount", ACCOUNT | {"minimumTlsVersion": "TLS1_1"}, "TLS1_2 or TLS1_3"),
        ("tls-1-2", "storage:StorageAccount", ACCOUNT | {"minimumTlsVersion": None}, "set minimumTlsVersion"),
        ("tls-1-2", "web:WebApp", {**SITE, "siteConfig": {}}, "set siteConfig.minTlsVersion to 1.2"),
        ("tls-1-2", "eventgrid:Topic", TOPIC | {"minimumTlsVersionAllowed": "1.0"}, "set minimumTlsVersionAllowed"),
        ("no-topic-keys", "eventgrid:Topic", TOPIC | {"disableLocalAuth": None}, "set disableLocalAuth to True"),
        ("tls-1-2", "media:MediaService", {"minimumTlsVersion": "Tls10", "tags": TAGS}, "Tls12"),
        ("https-only", "storage:StorageAccount", ACCOUNT | {"enableHttpsTrafficOnly": False}, "enableHttpsTraffic"),
        ("https-only", "web:WebApp", SITE | {"httpsOnly": None}, "set httpsOnly to True"),
        (
            "https-only",
            "web:WebApp",
            SITE | {"siteConfig": {"minTlsVersion": "1.2", "ftpsState": "AllAllowed"}},
            "ftpsState",
        ),
        (
            "https-only",
            "app:ContainerApp",
            APP | {"configuration": {"ingress": {"allowInsecure": True}}},
            "set configuration.ingress.allowInsecure to False",
        ),
        ("no-plain-secrets", "web:WebApp", site("LAKE", "AccountName=a;AccountKey=b"), "a storage account's key"),
        ("no-plain-secrets", "web:WebApp", site("LAKE", "A" * 86 + "=="), "a storage account's key"),
        ("no-plain-secrets", "web:WebApp", site("BUS", "Endpoint=sb://b;SharedAccessKey=c"), "a shared access key"),
        ("no-plain-secrets", "web:WebApp", site("VIDEO", SIGNATURE), "siteConfig.appSettings[0].value"),
        ("no-plain-secrets", "web:WebApp", site("DB", "Server=s;Password=p"), "a password"),
        ("no-plain-secrets", "web:WebApp", site("PEM", "-----BEGIN RSA PRIVATE KEY-----"), "a private key"),
        ("no-plain-secrets", "web:WebApp", site("APP", "abc8Q~" + "d" * 34), "an Entra client secret"),
        ("no-plain-secrets", "web:WebApp", site("F", "x" * 44 + "AzFuabcdeA=="), "a function's key"),
        ("no-plain-secrets", "web:WebApp", site("T", "eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20), "a token"),
        ("no-plain-secrets", "web:WebApp", site("CLIENT_SECRET", "value"), "the setting CLIENT_SECRET"),
        ("no-plain-secrets", "web:WebApp", site("STORAGE_KEY", UNKNOWN), "the setting STORAGE_KEY"),
        ("no-plain-secrets", "app:ContainerApp", app(name="DB_PASSWORD", value="p"), "the setting DB_PASSWORD"),
        (
            "no-plain-secrets",
            "app:Job",
            {"template": {"initContainers": [{"env": [{"name": "SAS_TOKEN", "value": "s"}]}]}, "tags": TAGS},
            "the setting SAS_TOKEN",
        ),
        (
            "no-plain-secrets",
            "app:ContainerApp",
            APP | {"configuration": {"secrets": [{"name": "db", "value": "p"}]}},
            "give the secret db by keyVaultUrl",
        ),
        (
            "no-plain-secrets",
            "app:Job",
            {"configuration": {"registries": [{"server": "r", "passwordSecretRef": "p"}]}, "tags": TAGS},
            "pull from r with an identity",
        ),
        (
            "no-plain-secrets",
            "resources:Deployment",
            deployment("string"),
            "properties.parameters.packageUri.value",
        ),
        ("listed-roles", "authorization:RoleAssignment", {**GRANT, "roleDefinitionId": f"/x/{OWNER}"}, OWNER),
        ("listed-roles", "authorization:RoleAssignment", {**GRANT, "principalType": None}, "set principalType"),
        ("listed-roles", "authorization:RoleDefinition", {}, "instead of a custom one"),
        ("dead-letters", "eventgrid:SystemTopicEventSubscription", {}, "set deadLetterWithResourceIdentity"),
        (
            "dead-letters",
            "eventgrid:EventSubscription",
            {"deadLetterWithResourceIdentity": {"identity": {}}, "tags": TAGS},
            "set deadLetterWithResourceIdentity",
        ),
        *(
            ("flex-consumption", "web:WebApp", FLEX | {"siteConfig": {"minTlsVersion": "1.2", name: value}}, name)
            for name, value in FLEX_REFUSES.items()
        ),
        (
            "flex-consumption",
            "web:WebApp",
            FLEX
            | {
                "siteConfig": {
                    "minTlsVersion": "1.2",
                    "appSettings": [{"name": "WEBSITE_RUN_FROM_PACKAGE", "value": "1"}],
                }
            },
            "WEBSITE_RUN_FROM_PACKAGE",
        ),
        ("tags", "resources:ResourceGroup", {}, "add the tags project, stack"),
        ("tags", "resources:ResourceGroup", {"tags": {"project": "p", "stack": ""}}, "add the tags stack"),
        ("tags", "kind:ThatIsNew", {}, "takes none, add it to TAGLESS in policy/rules/tags.py"),
    ],
)
def test_a_broken_resource_breaks_its_rule_alone(rule: str, kind: str, inputs: dict[str, Any], said: str) -> None:
    found = breaches(kind, inputs)
    assert set(found) == {rule}
    (line,) = found[rule]
    assert said in line


def test_a_secret_is_never_repeated() -> None:
    found = breaches("web:WebApp", site("VIDEO", SIGNATURE))
    assert found
    assert "aB3" not in str(found)


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("azure-native:storage/v20240101:StorageAccount", "storage:StorageAccount"),
        ("azure-native:storage:StorageAccount", "storage:StorageAccount"),
        ("azure-native:insights/v20210501preview:DiagnosticSetting", "insights:DiagnosticSetting"),
        ("azuread:index/servicePrincipal:ServicePrincipal", None),
        ("pulumi-python:dynamic/release:UploadedPackage", None),
        ("face-redaction:storage:Lake", None),
    ],
)
def test_a_kind_is_azures_type_without_its_version(token: str, kind: str | None) -> None:
    assert kind_of(token) == kind
