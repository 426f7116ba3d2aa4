"""A Function App on Flex Consumption has only site configuration that this plan accepts."""

from collections.abc import Iterator, Mapping

from policy.rules.rule import Declared, Rule

# Newer regions refuse these with 400 (error 51021), older ones ignore them: azure-cli#31414,
# azure-pipelines-tasks#21032, terraform-azurerm-avm-res-web-site#283 and #360.
REFUSED_CONFIGURATION = frozenset(
    {
        "alwaysOn",
        "ftpsState",
        "functionAppScaleLimit",
        "functionsRuntimeScaleMonitoringEnabled",
        "linuxFxVersion",
        "netFrameworkVersion",
        "preWarmedInstanceCount",
        "use32BitWorkerProcess",
        "windowsFxVersion",
    }
)
# Settings that Flex Consumption refuses or ignores (learn.microsoft.com, "Flex Consumption plan deprecations").
REFUSED_SETTINGS = (
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_CONTENT",
    "WEBSITE_RUN_FROM_PACKAGE",
)


def _breaches(resource: Declared) -> Iterator[str]:
    # no other plan has functionAppConfig
    if resource.kind != "web:WebApp" or not isinstance(resource.at("functionAppConfig"), Mapping):
        return
    configuration = resource.at("siteConfig")
    if isinstance(configuration, Mapping):
        for name in sorted(REFUSED_CONFIGURATION & configuration.keys()):
            yield f"take siteConfig.{name} out: Flex Consumption refuses it"
    for setting in resource.each("siteConfig.appSettings"):
        if str(setting.get("name")).startswith(REFUSED_SETTINGS):
            yield f"take the setting {setting.get('name')} out: Flex Consumption refuses it"


FLEX_CONSUMPTION = Rule("flex-consumption", "Flex Consumption gets nothing that it refuses.", _breaches)
